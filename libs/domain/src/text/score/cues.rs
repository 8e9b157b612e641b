//! The cue lists, in the form of [`super::post::Prepared::plain`]. Written for this project.

/// Openings that promise a story, a method or a turn.
pub const OPENERS: &[&str] = &[
    "how i", "how we", "how to", "why i", "why we", "why most", "what i learned", "what nobody", "here's how", "here's why",
    "here's what", "i used to", "i spent", "i quit", "i stopped", "i built", "i asked", "i tried", "last week", "last year",
    "yesterday", "years ago", "months ago", "the day", "the first time", "what if", "imagine", "unpopular opinion",
    "hot take", "confession", "true story", "today i",
];

/// Words that set one thing against another.
pub const TENSION: &[&str] = &[
    "but", "yet", "instead", "wrong", "myth", "lie", "lies", "mistake", "mistakes", "stop", "never", "nobody", "no one",
    "everyone", "despite", "without", "almost", "until", "failed", "broke", "versus", "vs", "not", "don't", "isn't",
    "except", "overrated", "underrated", "the opposite",
];

/// Words that speak to the reader.
pub const ADDRESS: &[&str] = &[
    "you", "your", "yours", "you're", "you've", "you'll", "you'd", "yourself", "we", "our", "let's",
];

/// What is announced and held back.
pub const CURIOSITY: &[&str] = &[
    "here's why", "here's what", "here's how", "here is why", "here is what", "here is how", "the reason", "what happened",
    "turns out", "it turned out", "the secret", "nobody tells you", "no one tells you", "nobody talks about",
    "no one talks about", "what nobody", "what if", "guess what", "the truth about", "the truth is", "little known",
    "the surprising", "surprisingly", "you won't believe", "until i", "until we", "then it hit me", "the catch", "the twist",
    "one thing", "the one thing", "this is why", "that's when", "i was wrong", "we were wrong", "what changed", "ever wondered",
    "but then", "plot twist", "the answer", "find out", "the real reason", "it wasn't", "how i", "why most", "what i learned",
];

/// What asks for an answer. A question mark is counted apart.
pub const REPLIES: &[&str] = &[
    "what do you think", "what would you", "what about you", "how about you", "do you agree", "agree or disagree",
    "tell me", "let me know", "your thoughts", "your take", "your experience", "in the comments", "comment below", "reply with",
    "drop your", "which one", "which would you", "have you ever", "change my mind", "am i wrong", "am i the only one",
    "who else", "anyone else", "what's your", "what is your", "how do you", "how did you", "curious what", "ask me",
    "convince me", "prove me wrong", "what did i miss", "what am i missing",
];

/// What shows that the writer knows. Figures are counted apart.
pub const AUTHORITY: &[&str] = &[
    "study", "studies", "research", "data", "evidence", "experiment", "survey", "according to", "measured", "benchmark",
    "benchmarks", "years of", "i built", "we built", "i led", "i ran", "we ran", "i shipped", "we shipped", "i worked",
    "in production", "my clients", "my team", "our team", "professor", "engineer", "scientist", "doctor", "expert", "experts",
    "founder", "certified", "published", "peer reviewed", "case study", "lessons from", "after years", "results",
];

/// What makes a reader pass it on.
pub const SHARES: &[&str] = &[
    "share this", "send this", "tag someone", "tag a friend", "save this", "bookmark", "repost", "pass it on", "retweet",
    "someone who needs", "reminder", "friendly reminder", "psa", "public service announcement", "everyone should", "everybody should",
    "every team should", "must read", "cheat sheet", "checklist", "template", "step by step", "steps", "tips", "rules",
    "lessons", "a thread", "for beginners", "we all", "spread the word", "the world needs", "this matters", "life hack",
];
