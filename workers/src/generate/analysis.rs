use super::draft::Draft;
use serde_json::Value;
pub struct Analysis(Value);
pub fn analyse(_l: &str, _d: &Draft, f: Value) -> Analysis {
    Analysis(f)
}
impl Analysis {
    pub fn state(&self) -> &'static str {
        "x"
    }
    pub fn score_bp(&self) -> Option<i32> {
        None
    }
    pub fn score_json(&self) -> Value {
        Value::Null
    }
    pub fn dominant(&self) -> Option<String> {
        None
    }
    pub fn guardrails_json(&self) -> Value {
        self.0.clone()
    }
    pub fn trajectory_json(&self) -> Option<Value> {
        None
    }
}
