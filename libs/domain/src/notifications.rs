//! What people are told outside of the cluster, and in which words.

use crate::digest::hex;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::Sha256;
use std::fmt::Write;
use uuid::Uuid;

/// Resources that one message names; the rest are counted.
const NAMED: usize = 10;
/// Characters of a sentence that one message shows.
const SENTENCE: usize = 400;

/// Why somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Topic {
    /// A job ended without a post.
    Failed,
    /// Nothing moves before somebody mends what the message names.
    Stalled,
    /// An experiment has its verdict.
    Decided,
    /// A persona's tokens of today are used up.
    BudgetSpent,
}

impl Topic {
    pub const ALL: [Self; 4] = [
        Self::Failed,
        Self::Stalled,
        Self::Decided,
        Self::BudgetSpent,
    ];

    /// The word in rows, metrics and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Stalled => "stalled",
            Self::Decided => "decided",
            Self::BudgetSpent => "budgetSpent",
        }
    }

    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == word)
    }

    const fn headline(self) -> &'static str {
        match self {
            Self::Failed => ":x: failed",
            Self::Stalled => ":construction: waits for somebody",
            Self::Decided => ":bar_chart: decided",
            Self::BudgetSpent => ":money_with_wings: has used up today's tokens",
        }
    }
}

/// One thing that somebody is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The same for the same event, however often it is sent.
    pub id: Uuid,
    pub topic: Topic,
    pub kind: String,
    pub namespace: String,
    pub name: String,
    /// Of the condition that tells it, as its sentence.
    pub reason: String,
    pub message: String,
}

/// How a receiver wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `{"text": …}`, as incoming webhooks of Slack and Mattermost take it.
    Slack,
    /// The text, and every notification as data.
    Json,
}

/// One message about notifications of one topic, kind and namespace.
#[must_use]
pub fn body(format: Format, notifications: &[Notification]) -> Value {
    let text = text(notifications);
    match format {
        Format::Slack => json!({ "text": text }),
        Format::Json => json!({ "text": text, "notifications": notifications }),
    }
}

/// What is signed is `v0:<timestamp>:<body>`, as Slack signs; the answer goes into the header as it is.
#[must_use]
pub fn signature(key: &[u8], timestamp: i64, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new(); // HMAC takes keys of every length.
    };
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body);
    format!("v0={}", hex(&mac.finalize().into_bytes()))
}

fn text(notifications: &[Notification]) -> String {
    let mut text = String::new();
    for told in notifications.iter().take(NAMED) {
        let _ = writeln!(
            text,
            "*{} {}/{}* {}: {}{}",
            told.kind,
            escaped(&told.namespace),
            escaped(&told.name),
            told.topic.headline(),
            told.reason,
            sentence(&told.message)
        );
    }
    if notifications.len() > NAMED {
        let _ = writeln!(text, "… and {} more", notifications.len() - NAMED);
    }
    text.trim_end().to_owned()
}

fn sentence(message: &str) -> String {
    if message.is_empty() {
        return String::new();
    }
    let shown: String = message.chars().take(SENTENCE).collect();
    let rest = if shown.len() < message.len() {
        "…"
    } else {
        ""
    };
    format!(". {}{rest}", escaped(&shown))
}

/// What Slack would take for markup or for a call of everybody.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, message: &str) -> Notification {
        Notification {
            id: Uuid::nil(),
            topic: Topic::Failed,
            kind: "ContentJob".into(),
            namespace: "team".into(),
            name: name.into(),
            reason: "NoneSucceeded".into(),
            message: message.into(),
        }
    }

    #[test]
    fn a_message_names_what_happened_and_calls_nobody() {
        let body = body(
            Format::Slack,
            &[told("launch", "the model said <!channel> & left")],
        );
        assert_eq!(
            body,
            json!({ "text": "*ContentJob team/launch* :x: failed: NoneSucceeded. the model said &lt;!channel&gt; &amp; left" })
        );
    }

    #[test]
    fn many_are_one_message_that_counts_the_rest() {
        let many: Vec<_> = (0..25).map(|n| told(&format!("job-{n}"), "")).collect();
        let text = text(&many);
        assert_eq!(text.lines().count(), NAMED + 1);
        assert!(text.ends_with("… and 15 more"));
        let body = body(Format::Json, &many);
        assert_eq!(body["notifications"].as_array().map(Vec::len), Some(25));
        assert_eq!(body["notifications"][0]["topic"], "failed");
    }

    /// The example of Slack's documentation of signed requests.
    #[test]
    fn signatures_are_those_that_slack_makes() {
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F\
hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        assert_eq!(
            signature(
                b"8f742231b10e8888abcd99yyyzzz85a5",
                1_531_420_618,
                body.as_bytes()
            ),
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        );
    }

    #[test]
    fn every_topic_has_a_word_of_its_own() {
        for topic in Topic::ALL {
            assert_eq!(Topic::parse(topic.as_str()), Some(topic));
        }
    }
}
