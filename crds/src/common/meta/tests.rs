use super::*;

#[test]
fn a_label_allows_only_whole_words() {
    assert!(SecretPurpose::Embedding.is_allowed_by("model.embedding.moderation"));
    assert!(SecretPurpose::Model.is_allowed_by("model"));
    assert!(!SecretPurpose::Model.is_allowed_by("remodel"));
    assert!(!SecretPurpose::Model.is_allowed_by(""));
}

#[test]
fn a_host_must_be_named_in_full() {
    assert!(host_is_allowed("api.example.com, llm.svc", "LLM.svc"));
    assert!(!host_is_allowed("example.com", "api.example.com"));
    assert!(!host_is_allowed("", "api.example.com"));
}
