//! Everything the rules know of single words, in one map.

use crate::text::words::WordMap;
use std::{collections::HashMap, sync::LazyLock};

const VALENCES: &str = include_str!("../../../data/vader_lexicon.tsv");
const EMOJI: &str = include_str!("../../../data/vader_emoji.tsv");

/// Longest token that the map can hold, in bytes.
pub const LONGEST: usize = 24;

/// Rise of the valence by a word such as `very`, from the authors' measurements; a word such as `barely` lowers it as much.
const BOOST: f64 = 0.293;

/// What the rules know of one lower-case token.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Entry {
    /// Mean valence of the raters, −4 to 4; absent outside the lexicon.
    pub valence: Option<f64>,
    /// What it adds to a word after it; nought for most.
    pub boost: f64,
    pub negates: bool,
    pub special: Option<Special>,
}

/// Tokens that a rule or an idiom names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    No,
    Or,
    Nor,
    Never,
    So,
    This,
    Without,
    Doubt,
    Least,
    At,
    Very,
    But,
    Kind,
    Of,
    Sort,
    Just,
    Enough,
    The,
    Shit,
    Bomb,
    Bad,
    Ass,
    Bus,
    Stop,
    Yeah,
    Right,
    Kiss,
    Death,
    To,
    Die,
    For,
    Beating,
    Heart,
}

const SPECIALS: &[(&str, Special)] = &[
    ("no", Special::No),
    ("or", Special::Or),
    ("nor", Special::Nor),
    ("never", Special::Never),
    ("so", Special::So),
    ("this", Special::This),
    ("without", Special::Without),
    ("doubt", Special::Doubt),
    ("least", Special::Least),
    ("at", Special::At),
    ("very", Special::Very),
    ("but", Special::But),
    ("kind", Special::Kind),
    ("of", Special::Of),
    ("sort", Special::Sort),
    ("just", Special::Just),
    ("enough", Special::Enough),
    ("the", Special::The),
    ("shit", Special::Shit),
    ("bomb", Special::Bomb),
    ("bad", Special::Bad),
    ("ass", Special::Ass),
    ("bus", Special::Bus),
    ("stop", Special::Stop),
    ("yeah", Special::Yeah),
    ("right", Special::Right),
    ("kiss", Special::Kiss),
    ("death", Special::Death),
    ("to", Special::To),
    ("die", Special::Die),
    ("for", Special::For),
    ("beating", Special::Beating),
    ("heart", Special::Heart),
];

const NEGATIONS: &[&str] = &[
    "aint", "arent", "cannot", "cant", "couldnt", "darent", "didnt", "doesnt", "dont", "hadnt",
    "hasnt", "havent", "isnt", "mightnt", "mustnt", "neednt", "oughtnt", "shant", "shouldnt",
    "wasnt", "werent", "wont", "wouldnt", "neither", "never", "none", "nope", "nor", "not",
    "nothing", "nowhere", "uhuh", "uh-uh", "without", "rarely", "seldom", "despite",
];

const RAISING: &[&str] = &[
    "absolutely",
    "amazingly",
    "awfully",
    "completely",
    "considerable",
    "considerably",
    "decidedly",
    "deeply",
    "effing",
    "enormous",
    "enormously",
    "entirely",
    "especially",
    "exceptional",
    "exceptionally",
    "extreme",
    "extremely",
    "fabulously",
    "flipping",
    "flippin",
    "frackin",
    "fracking",
    "fricking",
    "frickin",
    "frigging",
    "friggin",
    "fully",
    "fuckin",
    "fucking",
    "fuggin",
    "fugging",
    "greatly",
    "hella",
    "highly",
    "hugely",
    "incredible",
    "incredibly",
    "intensely",
    "major",
    "majorly",
    "more",
    "most",
    "particularly",
    "purely",
    "quite",
    "really",
    "remarkably",
    "so",
    "substantially",
    "thoroughly",
    "total",
    "totally",
    "tremendous",
    "tremendously",
    "uber",
    "unbelievably",
    "unusually",
    "utter",
    "utterly",
    "very",
];

const LOWERING: &[&str] = &[
    "almost",
    "barely",
    "hardly",
    "kinda",
    "kindof",
    "kind-of",
    "less",
    "little",
    "marginal",
    "marginally",
    "occasional",
    "occasionally",
    "partly",
    "scarce",
    "scarcely",
    "slight",
    "slightly",
    "somewhat",
    "sorta",
    "sortof",
    "sort-of",
];

static ENTRIES: LazyLock<WordMap<Entry>> = LazyLock::new(build);
static DESCRIPTIONS: LazyLock<HashMap<char, &'static str>> = LazyLock::new(|| {
    let description = |line: &'static str| {
        let (emoji, description) = line.split_once('\t')?;
        Some((emoji.chars().next()?, description))
    };
    EMOJI.lines().filter_map(description).collect()
});

/// What is known of a lower-case token; of most, nothing.
pub fn lookup(token: &[u8]) -> Entry {
    ENTRIES.get(token).copied().unwrap_or_default()
}

/// The words that stand for an emoji.
pub fn emoji_description(emoji: char) -> Option<&'static str> {
    DESCRIPTIONS.get(&emoji).copied()
}

fn build() -> WordMap<Entry> {
    let mut entries = WordMap::<Entry>::default();
    for line in VALENCES.lines() {
        if let Some((token, valence)) = line.split_once('\t') {
            entries.entry(token.as_bytes()).or_default().valence = valence.parse().ok();
        }
    }
    for (token, special) in SPECIALS {
        entries.entry(token.as_bytes()).or_default().special = Some(*special);
    }
    for token in NEGATIONS {
        entries.entry(token.as_bytes()).or_default().negates = true;
    }
    for (tokens, boost) in [(RAISING, BOOST), (LOWERING, -BOOST)] {
        for token in tokens {
            entries.entry(token.as_bytes()).or_default().boost = boost;
        }
    }
    entries
}
