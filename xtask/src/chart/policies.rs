//! Decides flows by NetworkPolicies (networking.k8s.io/v1) as Kubernetes documents them: a Pod that a policy selects for a
//! direction is closed in it but for what any such policy allows; a flow passes where its source and its target allow it.
//! Selectors know `matchLabels`; a rule without ports or peers allows all. Anything else is an error, so that nothing is
//! silently allowed.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{collections::BTreeMap, net::Ipv4Addr};

pub type Labels = BTreeMap<String, String>;

/// One end of a flow.
#[derive(Debug, Clone)]
pub enum End {
    Pod {
        namespace: String,
        namespace_labels: Labels,
        labels: Labels,
    },
    /// Something outside the cluster.
    Address(Ipv4Addr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Ingress,
    Egress,
}

/// Whether a flow to `port` passes.
pub fn passes(policies: &[Value], from: &End, to: &End, port: u64, protocol: &str) -> Result<bool> {
    let out = allowed(policies, from, to, Direction::Egress, port, protocol)?;
    Ok(out && allowed(policies, to, from, Direction::Ingress, port, protocol)?)
}

fn allowed(
    policies: &[Value],
    subject: &End,
    other: &End,
    direction: Direction,
    port: u64,
    protocol: &str,
) -> Result<bool> {
    let End::Pod {
        namespace, labels, ..
    } = subject
    else {
        return Ok(true);
    };
    let (word, rules, peers) = match direction {
        Direction::Ingress => ("Ingress", "ingress", "from"),
        Direction::Egress => ("Egress", "egress", "to"),
    };
    let mut closed = false;
    for policy in policies {
        let spec = &policy["spec"];
        let types = spec["policyTypes"].as_array().context("no policyTypes")?;
        let applies = policy["metadata"]["namespace"] == namespace.as_str()
            && types.iter().any(|it| it == word)
            && selects(&spec["podSelector"], labels)?;
        if !applies {
            continue;
        }
        closed = true;
        for rule in spec[rules].as_array().into_iter().flatten() {
            if port_fits(&rule["ports"], port, protocol)
                && peer_fits(&rule[peers], namespace, other)?
            {
                return Ok(true);
            }
        }
    }
    Ok(!closed)
}

fn port_fits(ports: &Value, port: u64, protocol: &str) -> bool {
    let Some(ports) = ports.as_array().filter(|it| !it.is_empty()) else {
        return true;
    };
    ports
        .iter()
        .any(|it| it["port"] == port && it["protocol"].as_str().unwrap_or("TCP") == protocol)
}

fn peer_fits(peers: &Value, home: &str, other: &End) -> Result<bool> {
    let Some(peers) = peers.as_array().filter(|it| !it.is_empty()) else {
        return Ok(true);
    };
    for peer in peers {
        let fits = match other {
            End::Address(address) => in_block(&peer["ipBlock"], *address)?,
            // No block is meant for Pods, whose addresses nobody knows beforehand.
            End::Pod { .. } if peer["ipBlock"].is_object() => false,
            End::Pod {
                namespace,
                namespace_labels,
                labels,
            } => {
                let there = match &peer["namespaceSelector"] {
                    Value::Null => namespace == home,
                    selector => selects(selector, namespace_labels)?,
                };
                there && selects(&peer["podSelector"], labels)?
            }
        };
        if fits {
            return Ok(true);
        }
    }
    Ok(false)
}

fn selects(selector: &Value, labels: &Labels) -> Result<bool> {
    let Some(selector) = selector.as_object() else {
        return Ok(true);
    };
    for (word, wanted) in selector {
        if word != "matchLabels" {
            bail!("a selector with {word} is not decided here");
        }
        for (name, value) in wanted.as_object().context("matchLabels")? {
            if labels.get(name).map(String::as_str) != value.as_str() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn in_block(block: &Value, address: Ipv4Addr) -> Result<bool> {
    let Some(cidr) = block["cidr"].as_str() else {
        return Ok(false);
    };
    for except in block["except"].as_array().into_iter().flatten() {
        if contains(except.as_str().context("except")?, address)? {
            return Ok(false);
        }
    }
    contains(cidr, address)
}

fn contains(cidr: &str, address: Ipv4Addr) -> Result<bool> {
    let (network, bits) = cidr.split_once('/').context("a CIDR has a slash")?;
    let (network, bits): (Ipv4Addr, u32) = (network.parse()?, bits.parse()?);
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    Ok(u32::from(network) & mask == u32::from(address) & mask)
}

#[cfg(test)]
mod tests;
