use crate::support::{schema_of, sentences};
use kube::core::cel::Validator;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;
use threads_crds::{
    Achievement, AchievementSource, ContentJob, Experiment, Persona, PromptTemplate, definitions,
};

/// All documents of the manifests that `kubectl apply -f examples/` applies: folders are not entered.
fn documents() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files
        .iter()
        .flat_map(|file| {
            serde_saphyr::from_multiple(&std::fs::read_to_string(file).unwrap()).unwrap()
        })
        .collect()
}

/// Every key of `given` must be in `read`: a type that does not know a key drops it.
fn assert_nothing_dropped(path: &str, given: &Value, read: &Value) {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => {
            for (key, value) in given {
                let kept = read
                    .get(key)
                    .unwrap_or_else(|| panic!("{path}.{key} is not known"));
                assert_nothing_dropped(&format!("{path}.{key}"), value, kept);
            }
        }
        (Value::Array(given), Value::Array(read)) => {
            assert_eq!(given.len(), read.len(), "{path}");
            for (index, (value, kept)) in given.iter().zip(read).enumerate() {
                assert_nothing_dropped(&format!("{path}[{index}]"), value, kept);
            }
        }
        (given, read) => assert_eq!(given, read, "{path}"),
    }
}

pub fn read<T: Serialize + DeserializeOwned>(document: &Value) -> T {
    let name = document["metadata"]["name"].as_str().unwrap();
    let resource: T =
        serde_json::from_value(document.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_nothing_dropped(name, document, &serde_json::to_value(&resource).unwrap());
    resource
}

#[test]
fn every_example_is_read_without_loss_and_keeps_the_rules() {
    let mut kinds = Vec::new();
    for document in documents() {
        let outcome = match document["kind"].as_str().unwrap() {
            "Persona" => read::<Persona>(&document).validate_cel(),
            "ContentJob" => read::<ContentJob>(&document).validate_cel(),
            "PromptTemplate" => read::<PromptTemplate>(&document).validate_cel(),
            "Experiment" => read::<Experiment>(&document).validate_cel(),
            "Achievement" => read::<Achievement>(&document).validate_cel(),
            "AchievementSource" => read::<AchievementSource>(&document).validate_cel(),
            _ => continue,
        };
        assert_eq!(
            sentences(outcome),
            Vec::<String>::new(),
            "{}",
            document["metadata"]["name"]
        );
        kinds.push(document["kind"].as_str().unwrap().to_owned());
    }
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "Achievement",
            "AchievementSource",
            "ContentJob",
            "ContentJob",
            "ContentJob",
            "ContentJob",
            "Experiment",
            "Persona",
            "Persona",
            "PromptTemplate"
        ]
    );
}

#[test]
fn the_rules_hold_on_the_installed_schema_too() {
    for document in documents() {
        if let Some(crd) = definitions()
            .into_iter()
            .find(|crd| document["kind"] == crd.spec.names.kind.as_str())
        {
            let outcome = Validator::new().validate(&schema_of(&crd), &document, None);
            assert_eq!(
                sentences(outcome),
                Vec::<String>::new(),
                "{}",
                document["metadata"]["name"]
            );
        }
    }
}

#[test]
fn references_between_the_examples_meet() {
    let documents = documents();
    let of = |kind: &str| {
        documents
            .iter()
            .filter(move |document| document["kind"] == kind)
            .cloned()
            .collect::<Vec<_>>()
    };
    let personas: Vec<Persona> = of("Persona").iter().map(read).collect();
    let templates: Vec<PromptTemplate> = of("PromptTemplate").iter().map(read).collect();
    for job in of("ContentJob").iter().map(read::<ContentJob>) {
        let name = &job.spec.persona_ref.name;
        assert!(
            personas
                .iter()
                .any(|persona| persona.metadata.name.as_ref() == Some(name)),
            "no persona {name}"
        );
    }
    for persona in &personas {
        let reference = &persona.spec.prompt_ref;
        let template = templates
            .iter()
            .find(|template| template.metadata.name.as_ref() == Some(&reference.name))
            .unwrap();
        let track = reference.track.as_deref().unwrap();
        assert!(
            template.spec.tracks.iter().any(|known| known.name == track),
            "no track {track}"
        );
    }
    let purposes = |name: &str| {
        let secrets = of("Secret");
        let secret = secrets.iter().find(|it| it["metadata"]["name"] == name);
        let label =
            secret.map(|it| &it["metadata"]["labels"][threads_crds::common::meta::LABEL_USE]);
        label.and_then(Value::as_str).map(str::to_owned)
    };
    let key = &personas[0].spec.model.api_key_secret_ref.name;
    assert_eq!(purposes(key).as_deref(), Some("model.embedding.moderation"));
    for source in of("AchievementSource")
        .iter()
        .map(read::<AchievementSource>)
    {
        let webhook = source.spec.webhook.unwrap().secret_ref.name;
        assert_eq!(purposes(&webhook).as_deref(), Some("webhook"));
    }
}
