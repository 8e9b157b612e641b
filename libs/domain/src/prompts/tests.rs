#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn prompt(hook: &str) -> Prompt {
    Prompt {
        digest: String::new(),
        system: String::new(),
        hook: hook.into(),
        body: String::new(),
        variables: Map::new(),
    }
}

fn render_hook(source: &str) -> Result<String, PromptError> {
    let variables = Map::from_iter([("audience".to_owned(), Value::from("operators"))]);
    let context = PromptContext {
        input: "{{ 7 * 7 }}",
        persona: PersonaContext {
            display_name: "Maya",
            language: "en",
            tone: "warm",
            style_guide: "",
        },
        content_type: "post",
        index: 1,
        count: 3,
        hook: None,
        variables: &variables,
    };
    render(&prompt(source), Part::Hook, &context)
}

#[test]
fn documented_variables_are_there() {
    let text = render_hook("{{ persona.displayName }}/{{ contentType }}/{{ index }} of {{ count }}/{{ variables.audience }}").unwrap();
    assert_eq!(text, "Maya/post/1 of 3/operators");
}

#[test]
fn input_is_data_and_never_a_template() {
    assert_eq!(render_hook("{{ input }}").unwrap(), "{{ 7 * 7 }}");
}

#[test]
fn an_undefined_variable_is_named() {
    let error = render_hook("{{ persona.nickname }} {{ nobody }}").unwrap_err();
    assert!(
        matches!(error, PromptError::Undefined { part: "hook", .. }),
        "{error}"
    );
}

#[test]
fn an_endless_loop_runs_out_of_fuel() {
    let error = render_hook(
        "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    )
    .unwrap_err();
    assert_eq!(error, PromptError::TooExpensive { part: "hook" });
}

#[test]
fn a_broken_template_says_where() {
    let source = PromptSource {
        system: String::new(),
        hook: "ok".into(),
        body: "line\n{% if %}".into(),
    };
    let PromptError::Syntax { part, reason } = source.check().unwrap_err() else {
        panic!("not a syntax error")
    };
    assert_eq!(part, "body");
    assert!(reason.contains("line 2"), "{reason}");
}

proptest! {
    #[test]
    fn any_text_is_a_template_or_a_clear_error(source in ".{0,200}") {
        if let Err(error) = render_hook(&source) {
            prop_assert!(error.to_string().contains("hook"));
        }
    }
}
