//! The pages of a list. Each is asked for with the token of the one before; a token that comes a second time would
//! lead round in a circle.

use std::collections::HashSet;

use super::error::AwsError;

/// A page has up to a hundred items, and no account has a million caches.
const MOST: usize = 10_000;

/// Where a list is being read.
pub(super) struct Pages {
    operation: &'static str,
    seen: HashSet<String>,
    next: Option<String>,
}

impl Pages {
    pub(super) fn of(operation: &'static str) -> Self {
        Self { operation, seen: HashSet::new(), next: None }
    }

    /// The token of the page that is to be asked for; none for the first.
    pub(super) fn token(&self) -> Option<String> {
        self.next.clone()
    }

    /// Takes the token that came with a page, and says whether there is another page.
    pub(super) fn turn(&mut self, token: Option<&str>) -> Result<bool, AwsError> {
        self.next = token.filter(|token| !token.is_empty()).map(str::to_owned);
        let Some(token) = &self.next else { return Ok(false) };
        if !self.seen.insert(token.clone()) {
            let message = "a page token was repeated: the list would never end";
            return Err(AwsError::bad_answer(self.operation, message));
        }
        if self.seen.len() > MOST {
            let message = format!("the list has more than {MOST} pages, which no account has");
            return Err(AwsError::bad_answer(self.operation, message));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::error::Kind;

    #[test]
    fn pages_end_with_the_list_and_a_circle_is_an_error() {
        let mut pages = Pages::of("DescribeUsers");
        assert_eq!(pages.token(), None);
        assert!(pages.turn(Some("a")).unwrap() && pages.turn(Some("b")).unwrap());
        assert_eq!(pages.token().as_deref(), Some("b"));
        let error = pages.turn(Some("a")).unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (Kind::BadAnswer, "DescribeUsers"));
        let mut pages = Pages::of("DescribeUsers");
        assert!(!pages.turn(None).unwrap() && !pages.turn(Some("")).unwrap());
    }

    #[test]
    fn a_list_of_ever_new_pages_ends_too() {
        let mut pages = Pages::of("DescribeUsers");
        let turned = (0..=MOST).find_map(|page| pages.turn(Some(&page.to_string())).err());
        assert!(turned.is_some());
    }
}
