//! The valence of each word from the words around it.
//!
//! Order and form of the arithmetic are the reference's, since its results are met to the last published digit.

use super::{lexicon::Special, tokens::Word};

/// Rise of the valence of a word in capitals among others that are not, from the authors' measurements.
const CAPITALS: f64 = 0.733;
/// Factor of a negated valence, likewise.
const NEGATED: f64 = -0.74;

/// One valence a word; nought for words without one.
pub fn valences(words: &[Word]) -> Vec<f64> {
    let capitals = words.iter().filter(|word| word.capital).count();
    let text = Text {
        words,
        mixed_case: 0 < capitals && capitals < words.len(),
    };
    (0..words.len()).map(|index| text.valence(index)).collect()
}

struct Text<'words> {
    words: &'words [Word],
    /// Some words, and not all, are in capitals.
    mixed_case: bool,
}

impl Text<'_> {
    fn special(&self, index: usize) -> Option<Special> {
        self.words.get(index)?.entry.special
    }

    /// True where the word `back` places before `index` is `special`.
    fn before(&self, index: usize, back: usize, special: Special) -> bool {
        index >= back && self.special(index - back) == Some(special)
    }

    fn known(&self, index: usize) -> bool {
        self.words
            .get(index)
            .is_some_and(|word| word.entry.valence.is_some())
    }

    fn valence(&self, index: usize) -> f64 {
        let word = &self.words[index];
        let Some(own) = word.entry.valence else {
            return 0.0;
        };
        let kind_of = word.entry.special == Some(Special::Kind)
            && self.special(index + 1) == Some(Special::Of);
        if word.entry.boost != 0.0 || kind_of {
            return 0.0;
        }
        let mut valence = self.after_no(index, own);
        if word.capital && self.mixed_case {
            valence += if valence > 0.0 { CAPITALS } else { -CAPITALS };
        }
        for back in 1..=3.min(index) {
            if self.known(index - back) {
                continue;
            }
            valence += self.boost(index - back, back, valence);
            valence = self.negate(valence, index, back);
            if back == 3 {
                valence = self.idioms(valence, index);
            }
        }
        self.after_least(valence, index)
    }

    /// `no` is a word of its own at the end, and negates what follows it elsewhere.
    fn after_no(&self, index: usize, own: f64) -> f64 {
        let no = |back| self.before(index, back, Special::No);
        let alternative = self.before(index, 1, Special::Or) || self.before(index, 1, Special::Nor);
        if no(1) || no(2) || (no(3) && alternative) {
            own * NEGATED
        } else if no(0) && self.known(index + 1) {
            0.0
        } else {
            own
        }
    }

    fn boost(&self, index: usize, back: usize, valence: f64) -> f64 {
        let word = &self.words[index];
        let mut boost = word.entry.boost;
        if boost == 0.0 {
            return 0.0;
        }
        if valence < 0.0 {
            boost *= -1.0;
        }
        if word.capital && self.mixed_case {
            boost += if valence > 0.0 { CAPITALS } else { -CAPITALS };
        }
        match back {
            2 => boost * 0.95,
            3 => boost * 0.9,
            _ => boost,
        }
    }

    fn negate(&self, valence: f64, index: usize, back: usize) -> f64 {
        let at = |back, special| self.before(index, back, special);
        let emphatic = |back| at(back, Special::So) || at(back, Special::This);
        let (lifted, undoubted) = match back {
            2 => (
                at(2, Special::Never) && emphatic(1),
                at(2, Special::Without) && at(1, Special::Doubt),
            ),
            // The reference binds its `or` so that `so` or `this` alone is enough here.
            3 => (
                (at(3, Special::Never) && emphatic(2)) || emphatic(1),
                at(3, Special::Without) && (at(2, Special::Doubt) || at(1, Special::Doubt)),
            ),
            _ => (false, false),
        };
        if lifted {
            valence * 1.25
        } else if !undoubted && self.words[index - back].entry.negates {
            valence * NEGATED
        } else {
            valence
        }
    }

    /// Phrases that mean something else than their words; `index` is at least 3.
    fn idioms(&self, valence: f64, index: usize) -> f64 {
        let three = [
            self.special(index - 3),
            self.special(index - 2),
            self.special(index - 1),
        ];
        let [third, second, first] = three;
        let here = self.special(index);
        let (next, after) = (self.special(index + 1), self.special(index + 2));
        let mut valence = pair(first, here)
            .or_else(|| triple(second, first, here))
            .or_else(|| pair(second, first))
            .or_else(|| triple(third, second, first))
            .or_else(|| pair(third, second))
            .unwrap_or(valence);
        valence = pair(here, next).unwrap_or(valence);
        valence = triple(here, next, after).unwrap_or(valence);
        for (left, right) in [(third, second), (second, first)] {
            if dampens(left, right) {
                valence += -0.293;
            }
        }
        valence
    }

    fn after_least(&self, valence: f64, index: usize) -> f64 {
        let least = self.before(index, 1, Special::Least) && !self.known(index - 1);
        let fixed = self.before(index, 2, Special::At) || self.before(index, 2, Special::Very);
        if least && !fixed {
            valence * NEGATED
        } else {
            valence
        }
    }
}

fn pair(left: Option<Special>, right: Option<Special>) -> Option<f64> {
    use Special::{Ass, Bad, Beating, Bomb, Bus, Heart, Right, Shit, Stop, The, Yeah};
    match (left?, right?) {
        (The, Shit | Bomb) => Some(3.0),
        (Bad, Ass) => Some(1.5),
        (Bus, Stop) => Some(0.0),
        (Yeah, Right) => Some(-2.0),
        (Beating, Heart) => Some(3.5),
        _ => None,
    }
}

fn triple(left: Option<Special>, middle: Option<Special>, right: Option<Special>) -> Option<f64> {
    use Special::{Death, Die, For, Kiss, Of, To};
    match (left?, middle?, right?) {
        (Kiss, Of, Death) => Some(-1.5),
        (To, Die, For) => Some(3.0),
        _ => None,
    }
}

fn dampens(left: Option<Special>, right: Option<Special>) -> bool {
    use Special::{Enough, Just, Kind, Of, Sort};
    matches!(
        (left, right),
        (Some(Just), Some(Enough)) | (Some(Kind | Sort), Some(Of))
    )
}

/// Halves what stands before the first `but` and adds half to what stands behind it.
///
/// The reference finds the place of a valence by its value, so that the second of two equal valences may change the first
/// again; the same is done here.
pub fn weigh_around_but(words: &[Word], valences: &mut [f64]) {
    let is_but = |word: &Word| word.entry.special == Some(Special::But);
    let Some(but) = words.iter().position(is_but) else {
        return;
    };
    for place in 0..valences.len() {
        let value = valences[place];
        if value == 0.0 {
            continue;
        }
        let first = valences
            .iter()
            .position(|other| *other == value)
            .unwrap_or(place);
        if first < but {
            valences[first] = value * 0.5;
        } else if first > but {
            valences[first] = value * 1.5;
        }
    }
}
