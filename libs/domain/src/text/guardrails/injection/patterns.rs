//! What is looked for. Written for this project.

use crate::text::guardrails::Severity;

/// Groups of words that follow each other, with at most `gap` other words between two groups.
pub struct Pattern {
    pub what: &'static str,
    pub severity: Severity,
    pub gap: usize,
    pub groups: &'static [&'static [&'static str]],
}

const DROP: &[&str] = &[
    "ignore",
    "disregard",
    "forget",
    "override",
    "overrule",
    "bypass",
    "skip",
    "discard",
    "neglect",
    "drop",
];
const EARLIER: &[&str] = &[
    "previous",
    "prior",
    "above",
    "earlier",
    "preceding",
    "system",
    "initial",
    "original",
    "existing",
    "all",
    "any",
    "your",
    "foregoing",
    "every",
];
const ORDERS: &[&str] = &[
    "instructions",
    "instruction",
    "prompt",
    "prompts",
    "directions",
    "directives",
    "commands",
    "orders",
];
const RULES: &[&str] = &[
    "rules",
    "guidelines",
    "guardrails",
    "safety",
    "restrictions",
    "constraints",
    "policies",
    "filters",
];
const TELL: &[&str] = &[
    "reveal", "print", "repeat", "show", "output", "display", "leak", "tell", "give", "expose",
    "dump", "return",
];
const SECRETS: &[&str] = &[
    "prompt",
    "instructions",
    "password",
    "passwords",
    "apikey",
    "key",
    "keys",
    "secret",
    "secrets",
    "token",
    "tokens",
    "credentials",
];

pub const PATTERNS: &[Pattern] = &[
    Pattern {
        what: "asks to drop earlier instructions",
        severity: Severity::Block,
        gap: 3,
        groups: &[DROP, EARLIER, ORDERS],
    },
    Pattern {
        what: "asks to drop what was said",
        severity: Severity::Block,
        gap: 1,
        groups: &[
            DROP,
            &["everything", "anything"],
            &["above", "before", "previously", "earlier"],
        ],
    },
    Pattern {
        what: "asks to drop rules",
        severity: Severity::Warn,
        gap: 3,
        groups: &[DROP, EARLIER, RULES],
    },
    Pattern {
        what: "asks not to follow instructions",
        severity: Severity::Block,
        gap: 2,
        groups: &[
            &["dont", "not", "stop"],
            &["follow", "following", "obey", "obeying"],
            ORDERS,
        ],
    },
    Pattern {
        what: "asks for the system prompt or a secret",
        severity: Severity::Block,
        gap: 2,
        groups: &[
            TELL,
            &[
                "system",
                "hidden",
                "initial",
                "secret",
                "developer",
                "api",
                "confidential",
            ],
            SECRETS,
        ],
    },
    Pattern {
        what: "asks for the model's instructions",
        severity: Severity::Block,
        gap: 1,
        groups: &[TELL, &["your"], ORDERS],
    },
    Pattern {
        what: "asks for the model's instructions",
        severity: Severity::Block,
        gap: 2,
        groups: &[
            &["what"],
            &["are", "were", "is"],
            &["your"],
            &["instructions", "prompt"],
        ],
    },
    Pattern {
        what: "gives the model another role",
        severity: Severity::Warn,
        gap: 0,
        groups: &[
            &["you"],
            &["are"],
            &["now"],
            &["a", "an", "the", "in", "my", "no", "free", "dan"],
        ],
    },
    Pattern {
        what: "gives the model another role",
        severity: Severity::Warn,
        gap: 1,
        groups: &[
            &["pretend", "act", "behave", "roleplay"],
            &["as", "that", "to", "like"],
            &["you", "if", "an", "a", "be"],
            &[
                "ai",
                "dan",
                "unrestricted",
                "unfiltered",
                "model",
                "assistant",
                "jailbroken",
                "system",
                "no",
                "have",
                "had",
                "were",
            ],
        ],
    },
    Pattern {
        what: "asks for a mode without limits",
        severity: Severity::Block,
        gap: 1,
        groups: &[
            &["enable", "enter", "activate", "switch"],
            &[
                "developer",
                "dan",
                "jailbreak",
                "god",
                "debug",
                "admin",
                "unrestricted",
            ],
            &["mode"],
        ],
    },
    Pattern {
        what: "asks for a mode without limits",
        severity: Severity::Block,
        gap: 0,
        groups: &[&["do"], &["anything"], &["now"], &["dan", "mode"]],
    },
    Pattern {
        what: "brings new instructions",
        severity: Severity::Block,
        gap: 0,
        groups: &[
            &["new", "updated", "real", "actual", "true"],
            &["system", "developer", "admin"],
            &[
                "instructions",
                "instruction",
                "prompt",
                "message",
                "override",
            ],
        ],
    },
    Pattern {
        what: "brings new instructions",
        severity: Severity::Warn,
        gap: 1,
        groups: &[
            &["new", "your"],
            &["new", "real", "actual", "true", "only"],
            &["instructions", "task", "goal", "objective"],
            &["is", "are"],
        ],
    },
    Pattern {
        what: "asks to answer with given words",
        severity: Severity::Warn,
        gap: 1,
        groups: &[
            &["respond", "reply", "answer"],
            &["only", "exactly"],
            &["with"],
        ],
    },
];

/// Marks of chat formats, which begin another speaker's turn.
pub const TURN_MARKS: &[&str] = &[
    "<|im_start|>",
    "<|im_end|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "[inst]",
    "[/inst]",
    "<<sys>>",
    "<</sys>>",
    "<start_of_turn>",
    "<end_of_turn>",
    "### instruction",
    "### system",
    "</system>",
    "<system>",
    "</instructions>",
    "[system]",
    "</input>",
];
/// Names that begin a turn where they stand at the beginning of a line with a colon.
pub const SPEAKERS: &[&str] = &["system", "assistant", "developer"];
