//! Whether what the chart's roles grant is what the release used, by the API server's audit log of the tests.

use crate::{deploy, exec, native, native::audit, paths::Instance};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeSet, fs};

/// Granted and rightly absent from the log: group, resource, verb.
const EXCUSED: &[(&str, &str, &str)] = &[
    // Asked by the admission plugin OwnerReferencesPermissionEnforcement alone, which some distributions turn on.
    ("threads-agent.io", "*/finalizers", "update"),
    // Server-side apply of what is not there yet: the API server asks for it within the request to patch.
    ("", "secrets", "create"),
    ("threads-agent.io", "experiments", "create"),
    // Rarer than a test lasts; scenarios of the operator's own tests: a record that is no longer among a source's most important,
    // a slot of credentials whose grace has passed.
    ("threads-agent.io", "achievements", "delete"),
    ("", "secrets", "delete"),
];

/// One verb on one resource, as one role of one service account grants it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    role: String,
    account: String,
    group: String,
    /// With its subresource, for example `personas/status`.
    resource: String,
    verb: String,
    /// Of objects; any when empty.
    names: Vec<String>,
}

/// One request that was allowed or refused.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    account: String,
    group: String,
    resource: String,
    verb: String,
    name: String,
    allowed: bool,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(default, rename = "apiGroups")]
    groups: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default, rename = "resourceNames")]
    names: Vec<String>,
}

/// Fails for a wildcard, for a refused request, and for a right that nothing used.
pub fn check(instance: &Instance) -> Result<()> {
    let granted = granted(instance)?;
    let log = fs::read_to_string(audit::log(instance)).context("the API server's audit log")?;
    let asked = asked(&log)?;
    let refused: Vec<_> = asked.iter().filter(|asked| !asked.allowed).collect();
    ensure!(refused.is_empty(), "refused by RBAC: {refused:#?}");
    let unused = unused(&granted, &asked);
    ensure!(
        unused.is_empty(),
        "granted and used by no test; take it from the chart, or test what needs it: {unused:#?}"
    );
    Ok(())
}

fn granted(instance: &Instance) -> Result<Vec<Right>> {
    let mut rights = Vec::new();
    for (binding, role) in [
        ("clusterrolebindings", "clusterrole"),
        ("rolebindings", "role"),
    ] {
        let bindings = get(instance, binding, None)?;
        for binding in bindings["items"].as_array().into_iter().flatten() {
            let subjects = binding["subjects"].as_array().into_iter().flatten();
            for subject in subjects.filter(|it| it["namespace"] == deploy::NAMESPACE) {
                let name = text(&binding["roleRef"]["name"]);
                let found = get(instance, role, Some(&name))?;
                let rules: Vec<Rule> = serde_json::from_value(found["rules"].clone())?;
                ensure!(!rules.is_empty(), "{role} {name} grants nothing");
                rights.extend(expanded(&name, &text(&subject["name"]), &rules));
            }
        }
    }
    ensure!(!rights.is_empty(), "the release is bound to no role");
    let wild = |right: &&Right| {
        [&right.group, &right.resource, &right.verb]
            .iter()
            .any(|it| it.contains('*'))
    };
    ensure!(
        !rights.iter().any(|right| wild(&right)),
        "a role has a wildcard"
    );
    Ok(rights)
}

fn get(instance: &Instance, kind: &str, name: Option<&str>) -> Result<Value> {
    let mut kubectl = native::kubectl(instance);
    kubectl.args([
        "--namespace",
        deploy::NAMESPACE,
        "get",
        kind,
        "--output=json",
    ]);
    let told = exec::output(kubectl.args(name))?;
    Ok(serde_json::from_str(&told)?)
}

fn expanded(role: &str, account: &str, rules: &[Rule]) -> Vec<Right> {
    let mut rights = Vec::new();
    for rule in rules {
        for group in &rule.groups {
            for resource in &rule.resources {
                rights.extend(rule.verbs.iter().map(|verb| Right {
                    role: role.into(),
                    account: account.into(),
                    group: group.clone(),
                    resource: resource.clone(),
                    verb: verb.clone(),
                    names: rule.names.clone(),
                }));
            }
        }
    }
    rights
}

fn asked(log: &str) -> Result<BTreeSet<Asked>> {
    let mut asked = BTreeSet::new();
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).context("a line of the audit log")?;
        let object = &event["objectRef"];
        if object.is_null() {
            continue;
        }
        let subresource = text(&object["subresource"]);
        let resource = text(&object["resource"]);
        let user = text(&event["user"]["username"]);
        asked.insert(Asked {
            account: user.rsplit(':').next().unwrap_or_default().to_owned(),
            group: text(&object["apiGroup"]),
            resource: if subresource.is_empty() {
                resource
            } else {
                format!("{resource}/{subresource}")
            },
            verb: text(&event["verb"]),
            name: text(&object["name"]),
            allowed: event["annotations"]["authorization.k8s.io/decision"] != "forbid",
        });
    }
    Ok(asked)
}

fn unused<'a>(granted: &'a [Right], asked: &BTreeSet<Asked>) -> Vec<&'a Right> {
    let used = |right: &Right| {
        asked.iter().any(|asked| {
            asked.account == right.account
                && asked.group == right.group
                && asked.resource == right.resource
                && asked.verb == right.verb
                && (right.names.is_empty() || right.names.contains(&asked.name))
        })
    };
    granted
        .iter()
        .filter(|right| !excused(right) && !used(right))
        .collect()
}

fn excused(right: &Right) -> bool {
    EXCUSED.iter().any(|(group, resource, verb)| {
        let fits = resource
            .strip_prefix('*')
            .map_or(right.resource == *resource, |end| {
                right.resource.ends_with(end)
            });
        fits && right.group == *group && right.verb == *verb
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const LINE: &str = r#"{"verb":"patch","user":{"username":"system:serviceaccount:threads-system:threads-agent"},
        "objectRef":{"resource":"personas","subresource":"status","name":"maya","apiGroup":"threads-agent.io"},
        "annotations":{"authorization.k8s.io/decision":"allow"}}"#;

    fn granted(resource: &str, verb: &str, names: &[&str]) -> Vec<Right> {
        let rule = Rule {
            groups: vec!["threads-agent.io".into()],
            resources: vec![resource.into()],
            verbs: vec![verb.into()],
            names: names.iter().map(ToString::to_string).collect(),
        };
        expanded("role", "threads-agent", &[rule])
    }

    #[test]
    fn a_right_is_used_by_its_verb_resource_and_name() {
        let asked = asked(&LINE.replace('\n', "")).unwrap();
        let is_used = |rights: &[Right]| unused(rights, &asked).is_empty();
        assert!(is_used(&granted("personas/status", "patch", &[])));
        assert!(is_used(&granted("personas/status", "patch", &["maya"])));
        assert!(!is_used(&granted("personas/status", "patch", &["otto"])));
        assert!(!is_used(&granted("personas/status", "update", &[])));
        assert!(!is_used(&granted("personas", "patch", &[])));
        assert!(is_used(&granted("personas/finalizers", "update", &[])));
    }
}
