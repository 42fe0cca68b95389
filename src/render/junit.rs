//! JUnit's XML, as test reporters of pipelines read it.

/// The cases of one thing under test.
pub struct Suite {
    pub name: String,
    pub seconds: f64,
    pub cases: Vec<Case>,
}

pub struct Case {
    pub name: String,
    pub seconds: f64,
    pub outcome: Outcome,
    /// Shown with the case, whatever came of it.
    pub text: String,
}

pub enum Outcome {
    Passed,
    /// With its kind, such as `undecided`.
    Failed(String),
    Skipped,
}

pub fn document(name: &str, suites: &[Suite]) -> String {
    let (tests, failures, skipped) =
        suites.iter().map(counts).fold((0, 0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1, sum.2 + counts.2));
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\">\n",
        escaped(name)
    );
    for suite in suites {
        let (tests, failures, skipped) = counts(suite);
        out.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\" time=\"{:.3}\">\n",
            escaped(&suite.name),
            suite.seconds
        ));
        for case in &suite.cases {
            out.push_str(&self::case(&suite.name, case));
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn counts(suite: &Suite) -> (usize, usize, usize) {
    let failed = suite.cases.iter().filter(|case| matches!(case.outcome, Outcome::Failed(_))).count();
    let skipped = suite.cases.iter().filter(|case| matches!(case.outcome, Outcome::Skipped)).count();
    (suite.cases.len(), failed, skipped)
}

fn case(suite: &str, case: &Case) -> String {
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\">",
        escaped(suite),
        escaped(&case.name),
        case.seconds
    );
    let text = escaped(&case.text);
    let body = match &case.outcome {
        Outcome::Passed if text.is_empty() => String::new(),
        Outcome::Passed => format!("<system-out>{text}</system-out>"),
        Outcome::Failed(kind) => format!("<failure type=\"{}\" message=\"{text}\"/>", escaped(kind)),
        Outcome::Skipped => format!("<skipped message=\"{text}\"/>"),
    };
    format!("{head}{body}</testcase>\n")
}

/// Text inside of XML; control characters, which XML cannot hold, as a replacement.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\r' | '\t' => out.push(' '),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_cannot_break_the_document() {
        let outcome = Outcome::Failed("failed".into());
        let case = Case { name: "a<b>\"&".into(), seconds: 0.5, outcome, text: "x\u{1b}[31m\n</testsuites>".into() };
        let skipped = Case { name: "c".into(), seconds: 0.0, outcome: Outcome::Skipped, text: "denied".into() };
        let text = document("t", &[Suite { name: "s".into(), seconds: 1.0, cases: vec![case, skipped] }]);
        assert!(text.contains("tests=\"2\" failures=\"1\" skipped=\"1\""), "{text}");
        assert!(text.contains("a&lt;b&gt;&quot;&amp;") && text.contains("x\u{fffd}[31m &lt;/testsuites&gt;"));
        assert_eq!(text.matches("</testsuites>").count(), 1);
    }
}
