use crate::support::{schema_of, visit};
use kube::core::cel::{compile_schema, estimate_rule_cost};
use serde_json::Value;
use std::collections::BTreeSet;
use threads_crds::{
    achievement, achievement_source, content_job, definitions, experiment, persona, prompt_template,
};

/// What a list, string, map or integer lacks to be bounded.
fn missing_bound(node: &Value) -> Option<&'static str> {
    let has = |key: &str| !node[key].is_null();
    match node["type"].as_str() {
        Some("string") if !(has("maxLength") || has("enum") || has("format")) => Some("maxLength"),
        Some("array") if !has("maxItems") => Some("maxItems"),
        Some("integer") if !(has("minimum") && has("maximum")) => Some("minimum and maximum"),
        Some("number") => Some("a whole number's type"),
        Some("object") if !has("properties") && !has("maxProperties") => Some("maxProperties"),
        Some(_) => None,
        None if has("x-kubernetes-int-or-string") && !has("maxLength") => Some("maxLength"),
        None if !has("x-kubernetes-int-or-string") => Some("type"),
        None => None,
    }
}

#[test]
fn every_list_string_map_and_integer_is_bounded() {
    let mut faults = Vec::new();
    for crd in definitions() {
        visit(&crd.spec.names.kind, &schema_of(&crd), &mut |path, node| {
            if let Some(bound) = missing_bound(node) {
                faults.push(format!("{path} lacks {bound}"));
            }
        });
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_field_is_explained_in_a_sentence() {
    let mut faults = Vec::new();
    for crd in definitions() {
        visit(&crd.spec.names.kind, &schema_of(&crd), &mut |path, node| {
            for (name, property) in node["properties"].as_object().into_iter().flatten() {
                if !property["description"]
                    .as_str()
                    .is_some_and(|text| text.ends_with(['.', ')']))
                {
                    faults.push(format!("{path}.{name}"));
                }
            }
        });
    }
    assert!(
        faults.is_empty(),
        "without a sentence:\n{}",
        faults.join("\n")
    );
}

#[test]
fn every_rule_is_cheap_and_says_how_to_mend() {
    let mut rules = 0;
    for crd in definitions() {
        visit(&crd.spec.names.kind, &schema_of(&crd), &mut |path, node| {
            let compiled = compile_schema(node);
            for rule in node["x-kubernetes-validations"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let text = rule["rule"].as_str().unwrap();
                let warnings = estimate_rule_cost(text, &compiled);
                assert!(warnings.is_empty(), "{path}: {warnings:?}");
                let message = rule["message"].as_str().unwrap_or_default();
                assert!(
                    message.len() >= 30 && !message.contains('\n'),
                    "{path}: no sentence for {text}: {message:?}"
                );
                rules += 1;
            }
            assert!(
                compiled.validations.iter().all(Result::is_ok),
                "{path}: a rule does not parse"
            );
        });
    }
    assert!(rules >= 25, "only {rules} rules were seen");
}

#[test]
fn nothing_may_be_null() {
    for crd in definitions() {
        visit(&crd.spec.names.kind, &schema_of(&crd), &mut |path, node| {
            assert!(node["nullable"].is_null(), "{path} is nullable");
            let words = node["enum"].as_array();
            assert!(
                words.is_none_or(|words| !words.contains(&Value::Null)),
                "{path} offers null"
            );
        });
    }
}

#[test]
fn a_new_resource_waits_for_the_operator() {
    for crd in definitions() {
        let schema = schema_of(&crd);
        let conditions = schema["properties"]["status"]["default"]["conditions"]
            .as_array()
            .unwrap()
            .clone();
        let states: Vec<_> = conditions
            .iter()
            .map(|c| (c["type"].as_str().unwrap(), c["status"].as_str().unwrap()))
            .collect();
        assert_eq!(
            states,
            [("Ready", "Unknown"), ("Reconciling", "True")],
            "{}",
            crd.spec.names.kind
        );
        assert!(
            crd.spec.versions[0]
                .subresources
                .as_ref()
                .unwrap()
                .status
                .is_some()
        );
    }
}

#[test]
fn conditions_are_a_map_by_type() {
    for crd in definitions() {
        let conditions = &schema_of(&crd)["properties"]["status"]["properties"]["conditions"];
        assert_eq!(conditions["x-kubernetes-list-type"], "map");
        assert_eq!(
            conditions["x-kubernetes-list-map-keys"],
            serde_json::json!(["type"])
        );
    }
}

/// Plurals, singulars and short names of the resources that a cluster of Kubernetes 1.36 serves by itself.
const BUILT_IN: &str = "bindings binding componentstatuses componentstatus cs configmaps configmap cm endpoints ep events event ev \
    limitranges limitrange limits namespaces namespace ns nodes node no persistentvolumeclaims persistentvolumeclaim pvc \
    persistentvolumes persistentvolume pv pods pod po podtemplates podtemplate replicationcontrollers replicationcontroller rc \
    resourcequotas resourcequota quota secrets secret serviceaccounts serviceaccount sa services service svc \
    mutatingwebhookconfigurations validatingadmissionpolicies validatingadmissionpolicybindings validatingwebhookconfigurations \
    mutatingadmissionpolicies mutatingadmissionpolicybindings customresourcedefinitions customresourcedefinition crd crds \
    apiservices apiservice controllerrevisions controllerrevision daemonsets daemonset ds deployments deployment deploy \
    replicasets replicaset rs statefulsets statefulset sts selfsubjectreviews tokenreviews localsubjectaccessreviews \
    selfsubjectaccessreviews selfsubjectrulesreviews subjectaccessreviews horizontalpodautoscalers horizontalpodautoscaler hpa \
    cronjobs cronjob cj jobs job certificatesigningrequests certificatesigningrequest csr clustertrustbundles leases lease \
    endpointslices endpointslice flowschemas flowschema prioritylevelconfigurations ingressclasses ingressclass ingresses ingress \
    ing networkpolicies networkpolicy netpol ipaddresses ip servicecidrs runtimeclasses runtimeclass poddisruptionbudgets pdb \
    clusterrolebindings clusterrolebinding clusterroles clusterrole rolebindings rolebinding roles role deviceclasses \
    resourceclaims resourceclaimtemplates resourceslices priorityclasses priorityclass pc csidrivers csinodes csistoragecapacities \
    storageclasses storageclass sc volumeattachments volumeattributesclasses vac podcertificaterequests workloads all";

#[test]
fn no_name_meets_a_built_in_one_or_another_of_ours() {
    let mut seen: BTreeSet<String> = BUILT_IN.split_whitespace().map(str::to_owned).collect();
    for crd in definitions() {
        let names = crd.spec.names;
        let own = [names.plural, names.singular.unwrap()]
            .into_iter()
            .chain(names.short_names.unwrap());
        for name in own {
            assert!(seen.insert(name.clone()), "{name} is taken");
        }
    }
}

#[test]
fn columns_and_selectable_fields_point_at_fields_of_the_schema() {
    for crd in definitions() {
        let schema = schema_of(&crd);
        let version = &crd.spec.versions[0];
        let columns = version
            .additional_printer_columns
            .iter()
            .flatten()
            .map(|column| &column.json_path);
        let fields = version
            .selectable_fields
            .iter()
            .flatten()
            .map(|field| &field.json_path);
        for path in columns
            .chain(fields)
            .filter(|path| !path.starts_with(".metadata"))
        {
            // `.status.conditions[?(…)].status` leads to a list, and from there into its items.
            let list = path.split('[').next().unwrap();
            let node = list
                .trim_start_matches('.')
                .split('.')
                .fold(&schema, |node, step| &node["properties"][step]);
            assert!(
                node.is_object(),
                "{}: {path} leads nowhere",
                crd.spec.names.kind
            );
            if let Some((_, field)) = path.rsplit_once("].") {
                assert!(
                    node["items"]["properties"][field].is_object(),
                    "{}: {path} leads nowhere",
                    crd.spec.names.kind
                );
            }
        }
    }
}

#[test]
fn every_status_names_its_conditions() {
    let kinds = [
        persona::CONDITIONS,
        content_job::CONDITIONS,
        prompt_template::CONDITIONS,
        experiment::CONDITIONS,
        achievement::CONDITIONS,
        achievement_source::CONDITIONS,
    ];
    for (crd, conditions) in definitions().iter().zip(kinds) {
        let schema = schema_of(crd);
        let text = schema["properties"]["status"]["properties"]["conditions"]["description"]
            .as_str()
            .unwrap();
        let list = text.split('.').next().unwrap();
        let words: Vec<_> = list
            .split([',', ' '])
            .filter(|word| !word.is_empty() && *word != "and")
            .collect();
        assert_eq!(
            words,
            conditions
                .iter()
                .map(|type_| type_.as_str())
                .collect::<Vec<_>>(),
            "{}",
            crd.spec.names.kind
        );
    }
}
