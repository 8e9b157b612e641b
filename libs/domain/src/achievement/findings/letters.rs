//! Letters that show nothing or turn what is shown around. They are taken out before anything is looked for: one zero-width letter
//! inside a token would otherwise hide it from every pattern.

/// Embeddings, overrides, isolates and marks of direction (Unicode TR 9).
pub fn is_bidi(letter: char) -> bool {
    matches!(letter, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

/// Ignorable letters (Unicode's Default_Ignorable_Code_Point) that no script needs in plain text: zero width, fillers, deprecated format
/// letters, tags and the variation selectors beyond those of emoji. Joiners are judged by their neighbours.
fn is_hidden(letter: char) -> bool {
    matches!(letter,
        '\u{00AD}' | '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{200B}'
        | '\u{2060}'..='\u{2065}' | '\u{206A}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Joiners and emoji's variation selectors: right between letters of other scripts and emoji, but hidden between ASCII ones.
fn is_joiner(letter: char) -> bool {
    matches!(letter, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}')
}

/// The text with only letters that are seen; line and paragraph separators become line feeds.
pub fn seen(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\t' => kept.push(letter),
            '\u{2028}' | '\u{2029}' | '\u{0085}' => kept.push('\n'),
            _ if letter.is_control() || is_bidi(letter) || is_hidden(letter) => {}
            _ if is_joiner(letter) && kept.chars().next_back().is_none_or(|it| it.is_ascii()) => {}
            _ => kept.push(letter),
        }
    }
    kept
}

/// The text up to `most` bytes, cut between letters.
pub fn bounded(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
