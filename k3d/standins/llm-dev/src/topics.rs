//! What a prompt is about, in the writer's own words.

use crate::phrases::STOP_WORDS;

/// Marks after which prompts name their subject.
const MARKS: [&str; 2] = ["The subject:", "about:"];
/// Letters of a word that can stand beside another, and of one that can stand alone.
const BESIDE: usize = 4;
const ALONE: usize = 5;

/// Pairs of neighbouring words ("content jobs") and longer single words of the subject, or of the whole prompt where no subject is
/// marked; each once.
pub fn of(task: &str) -> Vec<String> {
    let subject = MARKS
        .iter()
        .find_map(|mark| task.rfind(mark).map(|at| &task[at + mark.len()..]))
        .unwrap_or(task);
    let mut found = Vec::new();
    for clause in subject.split(|c: char| ".,;:!?()\"\n".contains(c)) {
        collect(clause, &mut found);
    }
    found
}

fn collect(clause: &str, found: &mut Vec<String>) {
    let words: Vec<&str> = clause.split_whitespace().collect();
    let runs = words.split(|word| !says_something(word));
    for run in runs {
        match run {
            [] => {}
            [one] if one.chars().count() >= ALONE => add(found, one.to_string()),
            [_] => {}
            several => several
                .windows(2)
                .for_each(|pair| add(found, pair.join(" "))),
        }
    }
}

fn says_something(word: &str) -> bool {
    let plain = word.chars().all(|c| c.is_alphabetic() || c == '-');
    plain && word.chars().count() >= BESIDE && !STOP_WORDS.contains(&word.to_lowercase().as_str())
}

fn add(found: &mut Vec<String>, topic: String) {
    if !found.contains(&topic) {
        found.push(topic);
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn pairs_and_longer_words_of_the_subject_are_its_topics() {
        let task =
            "Write a line. The subject: Content jobs are Kubernetes resources, and an operator is.";
        assert_eq!(
            of(task),
            ["Content jobs", "Kubernetes resources", "operator"]
        );
    }

    #[test]
    fn without_a_subject_the_whole_prompt_counts_and_nothing_is_no_topic() {
        assert_eq!(of("caching"), ["caching"]);
        assert!(of("a b {c}").is_empty());
    }
}
