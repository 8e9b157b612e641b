//! The faces of the document, all from the crate of fonts that is compiled in, and which of them holds a letter.

use crate::RenderError;
use krilla::text::Font;
use rustybuzz::ttf_parser::name_id;

/// A style of letters; each has its own chain of faces to fall back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Face {
    Regular,
    Semibold,
    Italic,
    Mono,
}

/// By their PostScript names, in the order of [`Face`], then what is only fallen back to.
const NAMES: [&str; 6] = [
    "LibertinusSerif-Regular",
    "LibertinusSerif-Semibold",
    "LibertinusSerif-Italic",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "NewCMMath-Regular",
];
const MONO: usize = 3;
const MONO_BOLD: usize = 4;
const SYMBOLS: usize = 5;

pub struct Fonts {
    faces: Vec<Loaded>,
}

struct Loaded {
    font: Font,
    shaper: rustybuzz::Face<'static>,
}

impl Fonts {
    pub fn load() -> Result<Self, RenderError> {
        let faces = NAMES.map(|name| {
            load(name).ok_or_else(|| RenderError::Pdf(format!("the font {name} is not there")))
        });
        let faces = faces.into_iter().collect::<Result<_, _>>()?;
        Ok(Self { faces })
    }

    pub fn font(&self, index: usize) -> Font {
        self.faces[index].font.clone()
    }

    pub fn shaper(&self, index: usize) -> &rustybuzz::Face<'static> {
        &self.faces[index].shaper
    }

    /// The first face of the style's chain that holds every letter of `cluster`.
    pub fn holding(&self, face: Face, cluster: &str) -> Option<usize> {
        let chain = match face {
            Face::Regular => [0, MONO, SYMBOLS],
            Face::Semibold => [1, MONO_BOLD, SYMBOLS],
            Face::Italic => [2, MONO, SYMBOLS],
            Face::Mono => [MONO, SYMBOLS, 0],
        };
        chain.into_iter().find(|index| {
            let shaper = &self.faces[*index].shaper;
            cluster
                .chars()
                .all(|letter| is_variation(letter) || shaper.glyph_index(letter).is_some())
        })
    }

    /// Where the sign for a letter that no face holds is taken from.
    pub const fn for_missing() -> usize {
        MONO
    }
}

/// Asks for a picture or for plain text; without a glyph of its own.
fn is_variation(letter: char) -> bool {
    matches!(letter, '\u{FE0E}' | '\u{FE0F}')
}

fn load(name: &str) -> Option<Loaded> {
    let data = typst_assets::fonts().find(|data| named(data, name))?;
    Some(Loaded {
        font: Font::new(data.into(), 0)?,
        shaper: rustybuzz::Face::from_slice(data, 0)?,
    })
}

fn named(data: &'static [u8], wanted: &str) -> bool {
    let Some(face) = rustybuzz::Face::from_slice(data, 0) else {
        return false;
    };
    let names = face.names();
    names.into_iter().any(|name| {
        name.name_id == name_id::POST_SCRIPT_NAME && name.to_string().as_deref() == Some(wanted)
    })
}
