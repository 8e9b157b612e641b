//! What the made-up team did.

use super::{PRIVATE, Visibility};

pub struct Story {
    pub title: &'static str,
    pub repository: &'static str,
    pub labels: &'static [&'static str],
    pub visibility: Visibility,
    pub section: Option<&'static str>,
    pub body: &'static str,
}

const fn story(
    title: &'static str,
    repository: &'static str,
    labels: &'static [&'static str],
    body: &'static str,
) -> Story {
    Story {
        title,
        repository,
        labels,
        visibility: Visibility::Public,
        section: None,
        body,
    }
}

pub const STORIES: [Story; 14] = [
    story(
        "Checkout answers from a read replica, and falls back to the primary within a second",
        "harbour/checkout",
        &["performance", "p1"],
        "## Why\nThe primary was at 85 % CPU every evening.\n\n## What\n- Reads of carts and prices go to the replica.\n- A replica \
         that lags by more than one second is left out until it has caught up.\n\nMeasured before and after with the load test: saves 3 \
         hours a week of paging. Closes #88.",
    ),
    story(
        "feat: invoices as PDF/A, signed and archived",
        "harbour/billing",
        &["feature", "customer"],
        "Customers can download signed invoices. According to billing metrics this saves $12,000 per year of manual post.\n\nThe archive \
         keeps them for ten years; see the [retention note](https://example.com/retention/policy/2026/very/long/path/that/goes/on/and/on/\
         until/it/no/longer/fits/on/a/line/of/a/phone.html).\n\nCloses #101, closes #102.",
    ),
    Story {
        visibility: PRIVATE,
        ..story(
            "fix: a token of a closed account no longer opens a session",
            "harbour/identity",
            &["security", "critical"],
            "A refresh token that was issued before the account was closed could be exchanged once more.\n\nThe exchange now reads the \
             account's state in the same transaction. Regression test included. Avoided 2 incidents per month.",
        )
    },
    story(
        "Queue consumers drain before they stop, so that a rolling update loses nothing",
        "harbour/relay",
        &["bug", "high"],
        "```\nSIGTERM → stop taking → finish what is held → acknowledge → leave\n```\nBefore this, up to 40 messages were redelivered at \
         each update. Fixes #77.",
    ),
    story(
        "ci: the test suite runs in six shards",
        "harbour/checkout",
        &["ci"],
        "From 31 to 9 minutes. Saves 2 hours a day across the team.",
    ),
    story(
        "Architecture decision: events are facts, commands are requests",
        "harbour/handbook",
        &["adr", "documentation"],
        "Explains when a service publishes an event and when it sends a command, with five examples from our own services.\n\n1. An event \
         is named in the past tense.\n2. A command has one addressee.\n3. Neither carries personal data that its receiver does not need.",
    ),
    story(
        "Grafana dashboards are generated from the service catalogue",
        "harbour/observability",
        &["infrastructure"],
        "One dashboard a service, with the four golden signals, owners and runbooks. It might save up to 5 hours a week.",
    ),
    Story {
        section: Some("Leadership"),
        ..story(
            "On-call handbook: from the alert to the first useful action in five minutes",
            "harbour/handbook",
            &["documentation", "important"],
            "Rewritten with the people who are on call. Every alert now links its runbook; every runbook begins with what to look at first.",
        )
    },
    story(
        "perf: search results are cached by their filters, not by the whole address",
        "harbour/search",
        &["perf"],
        "The hit rate rose from 31 % to 78 %. Reduced infrastructure cost by 800 EUR per month, see \
         https://example.com/costs/2026-09 for the bill.",
    ),
    story(
        "Property-based tests for the price calculation: 14 rounding defects found and mended",
        "harbour/billing",
        &["testing"],
        "Every price is checked against an exact calculation with fractions. Fixes #140, fixes #141, fixes #142.",
    ),
    story(
        "Приём платежей в рублях и лари: форматы, округление, праздники",
        "harbour/billing",
        &["enhancement"],
        "Поддержка форматов и округления для двух новых валют. Ελληνικά και עברית בבדיקה. 日本語の請求書はまだありません 🚢.",
    ),
    Story {
        visibility: Visibility::Internal,
        section: Some("Leadership"),
        ..story(
            "Migration of 41 services to the new cluster without an hour of downtime",
            "harbour/platform",
            &["kubernetes", "p0", "milestone"],
            "Service by service, with a rehearsed way back for each. Traffic moved in steps of 5, 25 and 100 %.\n\n### What helped\n- A \
             dry run on Thursdays\n- One checklist for all\n- Freezes were announced two sprints ahead\n\nSaves 40 hours per sprint of \
             patching by hand.",
        )
    },
    story(
        "refactor: one client for the warehouse instead of four",
        "harbour/warehouse",
        &["refactor"],
        "Removes 2,300 lines. Timeouts, retries and metrics are now the same everywhere.",
    ),
    story(
        "chore: =HYPERLINK(\"https://example.com\") and <script>alert(1)</script> in a title do no harm",
        "harbour/checkout",
        &["bug"],
        "A title that begins a formula, *marks* and <b>markup</b> are shown as they were written. <!-- remove this --> \u{202E}reversed\
         \u{202C} text is shown the right way round.",
    ),
];
