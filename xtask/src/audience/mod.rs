//! `cargo xtask simulate-audience`: a synthetic audience for the posts of an experiment, so that the loop can be watched in
//! development. Everything that it sends is invented, and every event says so in its id.

mod client;
mod invent;

use crate::{exec, native::kubectl, paths::Instance};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use client::Client;
use invent::{Audience, MetricNames, SYNTHETIC};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where invented publications stand; `.invalid` is never a real host (RFC 2606).
const PUBLISHED_AT: &str = "https://synthetic.invalid/posts/";
const LABEL: &str = "SYNTHETIC AUDIENCE: every publication and every figure below is invented; no person saw or liked anything.";

#[derive(Args)]
pub struct Options {
    /// Name of the Experiment.
    experiment: String,
    /// Namespace of the Experiment.
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// The same seed invents the same figures.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Median number of people who see a post.
    #[arg(long, default_value_t = 400.0)]
    impressions: f64,
    /// Standard deviation of the logarithm of that number.
    #[arg(long, default_value_t = 1.0)]
    log_sd: f64,
    /// Share of them who act, before each arm's own factor.
    #[arg(long, default_value_t = 0.05)]
    rate: f64,
    /// Shares by arm, for example `plain=0.04,bold=0.06`; the others draw theirs by the seed.
    #[arg(long, value_delimiter = ',', value_parser = arm_rate)]
    rates: Vec<(String, f64)>,
}

/// A post as the API lists it.
#[derive(Deserialize)]
struct Post {
    id: String,
    published: Option<Published>,
    experiment: Option<Membership>,
}

#[derive(Deserialize)]
struct Published {
    at: String,
    url: Option<String>,
}

#[derive(Deserialize)]
struct Membership {
    arm: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<Post>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Publication {
    published_at: String,
}

/// Publishes what is not published yet and sends what the invented audience did with all that was published so.
pub fn simulate(instance: &Instance, options: &Options) -> Result<()> {
    let spec = experiment(instance, options)?;
    let metrics = metrics(&spec);
    ensure!(!metrics.is_empty(), "the Experiment measures nothing");
    let feed = spec["objective"]["feed"].as_str().unwrap_or("default");
    let audience = Audience {
        seed: options.seed,
        impressions: options.impressions,
        log_sd: options.log_sd,
        rate: options.rate,
        rates: options.rates.iter().cloned().collect(),
    };
    println!("{LABEL}\n");
    let client = Client::connect(instance, &options.namespace)?;
    let (mut lines, mut told) = (String::new(), BTreeMap::<String, usize>::new());
    for post in posts(&client, &options.experiment)? {
        let arm = post.experiment.and_then(|membership| membership.arm);
        let arm = arm.unwrap_or_default();
        let Some(at) = publish(&client, &post.id, post.published)? else {
            continue;
        };
        for event in audience.events(&post.id, &arm, &at, &metrics) {
            lines.push_str(&format!("{event}\n"));
        }
        *told.entry(arm).or_default() += 1;
    }
    if told.is_empty() {
        println!(
            "Experiment {} has no post that could be published so.",
            options.experiment
        );
        return Ok(());
    }
    let fates = client.post("/outcomes", "application/x-ndjson", &lines)?;
    let through =
        exec::output(std::process::Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]))?;
    let heartbeat = json!({ "feed": feed, "through": through.trim() }).to_string();
    client.post("/outcomes/heartbeat", "application/json", &heartbeat)?;
    for (arm, posts) in told {
        println!(
            "{arm}: {posts} posts, invented rate {:.4}",
            audience.rate_of(&arm)
        );
    }
    println!("The API answered: {}", fates.trim());
    Ok(())
}

/// The spec of the resource.
fn experiment(instance: &Instance, options: &Options) -> Result<Value> {
    for name in [&options.namespace, &options.experiment] {
        ensure!(
            !name.starts_with('-')
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c)),
            "`{name}` is no name that Kubernetes allows"
        );
    }
    let text = exec::output(kubectl(instance).args([
        "-n",
        &options.namespace,
        "get",
        "experiments.threads-agent.io",
        &options.experiment,
        "-o",
        "json",
    ]))?;
    let mut object: Value = serde_json::from_str(&text).context("reading the Experiment")?;
    let spec = object["spec"].take();
    if spec["unit"] == "Participant" {
        bail!("the Experiment assigns participants; a synthetic audience reads posts");
    }
    Ok(spec)
}

/// All metrics of the design, each once.
fn metrics(spec: &Value) -> Vec<MetricNames> {
    let of = |metric: &Value| {
        let name = |field: &str| metric[field].as_str().map(str::to_owned);
        Some((name("numerator")?, name("denominator")))
    };
    let list = |field: &str| spec[field].as_array().cloned().unwrap_or_default();
    let guardrails = list("guardrails")
        .into_iter()
        .map(|guardrail| guardrail["metric"].clone());
    let mut all: Vec<MetricNames> = std::iter::once(spec["objective"]["metric"].clone())
        .chain(guardrails)
        .chain(list("secondary"))
        .filter_map(|metric| of(&metric))
        .collect();
    all.sort();
    all.dedup();
    all
}

fn posts(client: &Client, experiment: &str) -> Result<Vec<Post>> {
    let (mut posts, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let next = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let page = client.get(&format!(
            "/content/posts?experiment={experiment}&limit=100{next}"
        ))?;
        let page: Page = serde_json::from_str(&page).context("reading the list of posts")?;
        posts.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(posts);
        }
    }
}

/// When the post was published; none where somebody really published it, so that nothing real gets invented figures.
fn publish(client: &Client, id: &str, published: Option<Published>) -> Result<Option<String>> {
    match published {
        Some(published) => Ok(published
            .url
            .is_some_and(|url| url.starts_with(PUBLISHED_AT))
            .then_some(published.at)),
        None => {
            let told = json!({ "url": format!("{PUBLISHED_AT}{id}"), "externalId": format!("{SYNTHETIC}-{id}") });
            let path = format!("/content/posts/{id}/published");
            let answer = client.post(&path, "application/json", &told.to_string())?;
            let publication: Publication =
                serde_json::from_str(&answer).context("reading the publication")?;
            Ok(Some(publication.published_at))
        }
    }
}

fn arm_rate(text: &str) -> Result<(String, f64), String> {
    let wrong = || format!("`{text}` is not ARM=SHARE with a share from 0 to 1");
    let (arm, share) = text.split_once('=').ok_or_else(wrong)?;
    let share: f64 = share.parse().map_err(|_| wrong())?;
    if (0.0..=1.0).contains(&share) {
        Ok((arm.to_owned(), share))
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_metric_of_a_design_is_told_once() {
        let likes = json!({ "type": "Mean", "numerator": "likes", "denominator": "impressions" });
        let spec = json!({
            "objective": { "metric": likes },
            "guardrails": [{ "name": "hides", "metric": { "numerator": "hides", "denominator": "impressions" } }],
            "secondary": [likes],
        });
        let impressions = Some("impressions".to_owned());
        assert_eq!(
            metrics(&spec),
            [
                ("hides".into(), impressions.clone()),
                ("likes".into(), impressions)
            ]
        );
        assert!(metrics(&json!({})).is_empty());
    }

    #[test]
    fn rates_of_arms_are_shares() {
        assert_eq!(arm_rate("bold=0.25").unwrap(), ("bold".to_owned(), 0.25));
        for wrong in ["bold", "bold=x", "bold=1.5", "bold=-0.1", "bold=NaN"] {
            assert!(arm_rate(wrong).is_err(), "{wrong}");
        }
    }
}
