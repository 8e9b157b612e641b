use std::path::{Path, PathBuf};
use std::process::Command;
use threads_crds::definitions;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn template(name: &str) -> String {
    std::fs::read_to_string(root().join("chart/templates").join(name)).unwrap()
}

#[test]
fn the_generated_files_are_fresh() {
    let output = Command::new(env!("CARGO_BIN_EXE_crdgen"))
        .arg("--check")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_stale_file_is_named_and_not_written_by_check() {
    let empty = std::env::temp_dir().join(format!("crdgen-check-{}", std::process::id()));
    let output = Command::new(env!("CARGO_BIN_EXE_crdgen"))
        .arg("--check")
        .arg("--root")
        .arg(&empty)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(
        message.contains("chart/templates/crds/personas.yaml") && message.contains("docs/api.md"),
        "{message}"
    );
    assert!(!empty.exists());
}

#[test]
fn no_role_holds_a_wildcard() {
    for name in ["rbac.yaml", "aggregated-roles.yaml"] {
        assert!(!template(name).contains('*'), "{name}");
    }
}

#[test]
fn every_kind_stands_in_the_operators_role_and_in_the_aggregated_ones() {
    for crd in definitions() {
        let plural = crd.spec.names.plural;
        let operator = template("rbac.yaml");
        for resource in [
            plural.clone(),
            format!("{plural}/status"),
            format!("{plural}/finalizers"),
        ] {
            assert!(
                operator.contains(&resource),
                "the operator's role lacks {resource}"
            );
        }
        assert!(
            template("aggregated-roles.yaml").contains(&format!("\"{plural}\"")),
            "{plural}"
        );
        assert!(
            template("NOTES.txt").contains(&format!("{plural}.threads-agent.io")),
            "{plural}"
        );
    }
}

#[test]
fn text_that_looks_like_a_template_action_is_escaped() {
    // The manual of PromptTemplate shows `{{ variables.audience }}`, which Helm must print as it is.
    let written = template("crds/prompttemplates.yaml");
    assert!(written.contains(r#"{{ "{{" }} variables.audience }}"#));
}
