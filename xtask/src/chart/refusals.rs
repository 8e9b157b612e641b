//! Values that the chart has to refuse, each with a sentence that names what is wrong.

use super::helm_template;
use anyhow::{Result, ensure};

/// Arguments of helm, and a word that its refusal has to hold.
const REFUSED: [(&str, &str); 15] = [
    ("--set=replica=2", "replica"),
    ("--set=api.replica=2", "replica"),
    ("--set=api.autoscaling.enable=true", "enable"),
    ("--set=networkPolicy.enabeld=true", "enabeld"),
    ("--set=networkPolicy.postgres.port=5432", "port"),
    ("--set=postgres.password=secret", "password"),
    ("--set=image.operator.digest=latest", "digest"),
    ("--set=install=Threads", "install"),
    ("--set=monitoring.serviceMonitor.interval=often", "interval"),
    ("--set=notifications.format=teams", "format"),
    ("--set=tracing.endpoint=otel:4317", "tracing"),
    ("--set=tracing.samplingRatio=10", "samplingRatio"),
    ("--set=monitoring.grafana=true", "grafana"),
    (
        "--set=monitoring.serviceMonitor.enabled=true,monitoring.podMonitor.enabled=true",
        "scrape everything twice",
    ),
    (
        "--set=monitoring.serviceMonitor.enabled=true,metrics.service.enabled=false",
        "metrics.service.enabled=true",
    ),
];

pub fn all() -> Result<()> {
    for (argument, word) in REFUSED {
        let done = helm_template(&[argument.to_owned()])?;
        let said = String::from_utf8_lossy(&done.stderr);
        ensure!(!done.status.success(), "{argument} is taken");
        ensure!(
            said.contains(word),
            "{argument} is refused without a word of {word}: {said}"
        );
    }
    Ok(())
}
