//! Who had a part in it.

use super::Reading;
use crate::achievement::{Person, Role};
use serde_json::Value;

/// Longest login that is kept, bytes; GitHub's are 39, with a suffix for managed users.
const LOGIN: usize = 100;
/// People of one thing that are kept.
const PEOPLE: usize = 100;

/// People without repeats; bots are left out unless they are asked for.
#[derive(Debug)]
pub struct People<'a> {
    reading: &'a Reading<'a>,
    people: Vec<Person>,
}

impl<'a> People<'a> {
    pub fn new(reading: &'a Reading<'a>) -> Self {
        Self {
            reading,
            people: Vec::new(),
        }
    }

    /// Adds an account as the host tells it; a deleted one is null.
    pub fn add(&mut self, account: &Value, role: Role) {
        let Some(login) = account["login"].as_str().filter(|it| is_login(it)) else {
            return;
        };
        if is_bot(account, login) && !self.reading.include_bots {
            return;
        }
        let person = Person {
            login: login.to_owned(),
            role,
        };
        if self.people.len() < PEOPLE && !self.people.contains(&person) {
            self.people.push(person);
        }
    }

    pub fn list(self) -> Vec<Person> {
        self.people
    }
}

/// Accounts of apps end with `[bot]`; their type says it as well.
fn is_bot(account: &Value, login: &str) -> bool {
    account["type"] == "Bot" || login.ends_with("[bot]")
}

fn is_login(login: &str) -> bool {
    (1..=LOGIN).contains(&login.len())
        && login
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"-_.[]".contains(&it))
}
