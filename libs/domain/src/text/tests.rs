use super::*;

#[test]
fn english_has_emotion_and_score() {
    let analysis = analyse(
        "en-GB",
        "I was wrong about tests.",
        "They make me happy now.",
    );
    assert!(analysis.emotion.is_ok());
    assert!(analysis.score.total_bp.is_some());
}
