//! The words of all formats: names of categories, dates, figures, and why something is absent.

use crate::{
    clean::Head,
    model::{Item, LeftOut},
    totals::Value,
};
use domain::achievement::{Category, Figure, FigureBasis, Period, Role, Visibility};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

pub const NOT_ANALYSED: &str = "it is not analysed yet";
/// What stands under every document that tells scores.
pub const METHOD: &str = "Impact and complexity are sums of capped points for which there is evidence, of at most 100; nothing is \
    scaled up where evidence is missing. Elapsed time lies between start and completion and says nothing about effort. What is marked \
    as claimed is stated by a text and was checked by nobody.";

/// Of one achievement.
pub const fn category(category: Category) -> &'static str {
    match category {
        Category::Feature => "Feature",
        Category::Optimization => "Optimization",
        Category::Bugfix => "Bug fix",
        Category::Infrastructure => "Infrastructure",
        Category::Documentation => "Documentation",
        Category::Testing => "Testing",
        Category::Security => "Security",
        Category::Performance => "Performance",
        Category::Architecture => "Architecture",
        Category::Content => "Content",
        Category::Business => "Business",
        Category::Milestone => "Milestone",
        Category::Uncategorized => "Uncategorized",
    }
}

/// As the heading of several.
pub const fn categories(of: Category) -> &'static str {
    match of {
        Category::Feature => "Features",
        Category::Optimization => "Optimizations",
        Category::Bugfix => "Bug fixes",
        Category::Milestone => "Milestones",
        other => category(other),
    }
}

pub const fn visibility(of: Visibility) -> &'static str {
    match of {
        Visibility::Public => "public",
        Visibility::Internal => "internal",
        Visibility::Private => "private",
    }
}

pub const fn role(of: Role) -> &'static str {
    match of {
        Role::Author => "author",
        Role::CoAuthor => "co-author",
        Role::Assignee => "assignee",
        Role::Reviewer => "reviewer",
        Role::Merger => "merger",
        Role::Releaser => "releaser",
        Role::Deployer => "deployer",
    }
}

pub const fn basis(of: FigureBasis) -> &'static str {
    match of {
        FigureBasis::Claimed => "claimed",
        FigureBasis::Measured => "measured",
        FigureBasis::Linked => "linked",
    }
}

pub const fn period(of: Period) -> &'static str {
    match of {
        Period::Once => "once",
        Period::Day => "a day",
        Period::Week => "a week",
        Period::Sprint => "a sprint",
        Period::Month => "a month",
        Period::Year => "a year",
    }
}

/// Day of UTC.
pub fn date(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// For example `23 November 2026`, UTC.
pub fn day(at: Timestamp) -> String {
    date(at).strftime("%-d %B %Y").to_string()
}

/// For example `23 November 2026, 16:35 UTC`.
pub fn moment(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    at.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// ISO 4217: three capital letters.
pub fn is_currency(unit: &str) -> bool {
    unit.len() == 3 && unit.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// `1 achievement`, `2 achievements`.
pub fn count(number: usize, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{} {one}s", grouped(&number.to_string()))
    }
}

/// The digits before the point in groups of three: `12,000.5`. What is no plain number stays as it is.
pub fn grouped(number: &str) -> String {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return number.to_owned();
    }
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// `3 hours a week`, `12,000 USD a year`, `2 incidents`; without its basis, which is a mark of its own.
pub fn figure(figure: &Figure) -> String {
    let amount = grouped(&figure.amount);
    match figure.period {
        Period::Once => format!("{amount} {}", figure.unit),
        other => format!("{amount} {} {}", figure.unit, period(other)),
    }
}

/// `138 hours a year`, without basis.
pub fn value(value: &Value) -> String {
    let rounded = (value.amount * 10.0).round() / 10.0;
    let amount = grouped(&rounded.to_string());
    let when = if value.yearly { "a year" } else { "once" };
    format!("{amount} {} {when}", value.unit)
}

/// `72 %`
pub fn confidence(basis_points: i32) -> String {
    format!("{} %", basis_points / 100)
}

/// `3 days 4 hours`, `25 minutes`.
pub fn span(hours: f64) -> String {
    let minutes = (hours * 60.0).round().max(0.0);
    let whole = |amount: f64, one: &str| {
        let plural = if amount == 1.0 { "" } else { "s" };
        format!("{} {one}{plural}", grouped(&amount.to_string()))
    };
    let (days, hours, rest) = (
        (minutes / 1440.0).floor(),
        (minutes % 1440.0 / 60.0).floor(),
        minutes % 60.0,
    );
    match (days > 0.0, hours > 0.0, rest > 0.0) {
        (true, true, _) => format!("{} {}", whole(days, "day"), whole(hours, "hour")),
        (true, false, _) => whole(days, "day"),
        (false, true, true) => format!("{} {}", whole(hours, "hour"), whole(rest, "minute")),
        (false, true, false) => whole(hours, "hour"),
        (false, false, _) => whole(rest, "minute"),
    }
}

/// `ada (author), lin (reviewer)`
pub fn people(item: &Item) -> Option<String> {
    let people: Vec<String> = item
        .people
        .iter()
        .map(|person| format!("{} ({})", person.login, role(person.role)))
        .collect();
    (!people.is_empty()).then(|| people.join(", "))
}

/// `owner/name #7`
pub fn place(item: &Item) -> Option<String> {
    let repository = item.repository.as_deref()?;
    Some(item.number.map_or_else(
        || repository.to_owned(),
        |number| format!("{repository} #{number}"),
    ))
}

/// Figures that are missing, by the names of the JSON document, each with the reason.
pub fn absent(item: &Item) -> Vec<(&'static str, String)> {
    let mut absent = vec![];
    if item.completed_at.is_none() {
        absent.push(("completedAt", "no date of completion is known".to_owned()));
    }
    let Some(analysis) = &item.analysis else {
        for name in ["impact", "complexity", "businessValue", "elapsedHours"] {
            absent.push((name, NOT_ANALYSED.to_owned()));
        }
        return absent;
    };
    if analysis.business_value.figures.is_empty() {
        let unparsed = analysis.business_value.unparsed.join("; ");
        let reason = if unparsed.is_empty() {
            "the text states no value".to_owned()
        } else {
            unparsed
        };
        absent.push(("businessValue", reason));
    }
    if analysis.elapsed_hours.is_none() {
        let told = analysis
            .notes
            .iter()
            .find_map(|note| note.strip_prefix("elapsed time is unknown: "));
        let reason = told.unwrap_or("start or completion was not told");
        absent.push(("elapsedHours", reason.to_owned()));
    }
    absent
}

/// Why `name` is absent, if it is.
pub fn why_absent(item: &Item, name: &str) -> Option<String> {
    absent(item)
        .into_iter()
        .find_map(|(absent, reason)| (absent == name).then_some(reason))
}

/// What was left out, one sentence a reason.
pub fn left_out(left_out: &LeftOut) -> Vec<String> {
    let LeftOut {
        private,
        duplicates,
        reverted,
        hidden,
        beyond_limit,
    } = *left_out;
    [
        (private, "not public"),
        (duplicates, "the same work as an earlier one"),
        (reverted, "taken back"),
        (hidden, "hidden by a person"),
        (beyond_limit, "beyond what one document holds"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| {
        let number = count(usize::try_from(number).unwrap_or(usize::MAX), "achievement");
        format!("Left out: {number} ({what}).")
    })
    .collect()
}

/// Which time was asked for, as far as it was bounded.
pub fn bounds(head: &Head) -> Option<String> {
    match (head.since, head.until) {
        (None, None) => None,
        (Some(since), None) => Some(format!("completed since {}", day(since))),
        (None, Some(until)) => Some(format!("completed before {}", day(until))),
        (Some(since), Some(until)) => Some(format!(
            "completed from {} to before {}",
            day(since),
            day(until)
        )),
    }
}
