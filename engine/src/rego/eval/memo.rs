//! The values of rules that were evaluated.

use regorus::Value;

use super::super::ast::Loc;
use super::super::ir::RuleId;

/// Rules of a page.
const PAGE: usize = 32;

/// A rule's value and the place that gave it.
#[derive(Debug, Clone)]
pub(super) struct Memo {
    pub(super) value: Value,
    pub(super) loc: Loc,
}

/// Values by rule. There may be thousands of rules, of which an evaluation needs a few: room for them is made in
/// pages.
#[derive(Debug, Default)]
pub(super) struct Memos {
    pages: Vec<Option<Box<[Option<Memo>; PAGE]>>>,
}

impl Memos {
    pub(super) fn get(&self, rule: RuleId) -> Option<&Memo> {
        self.pages.get(rule / PAGE)?.as_ref()?[rule % PAGE].as_ref()
    }

    /// Keeps a value; the bytes of memory that this takes anew.
    pub(super) fn set(&mut self, rule: RuleId, memo: Memo) -> usize {
        let page = rule / PAGE;
        let further = (page + 1).saturating_sub(self.pages.len());
        self.pages.resize_with(self.pages.len() + further, || None);
        let mut taken = further * size_of::<Option<Box<[Option<Memo>; PAGE]>>>();
        let page = self.pages[page].get_or_insert_with(|| {
            taken += size_of::<[Option<Memo>; PAGE]>();
            Box::new([const { None }; PAGE])
        });
        page[rule % PAGE] = Some(memo);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_by_rule() {
        let mut memos = Memos::default();
        let rules = [0, 1, PAGE - 1, PAGE, 10_000];
        for rule in rules {
            assert!(memos.get(rule).is_none());
            let memo = Memo { value: Value::from(rule), loc: Loc::default() };
            let taken = memos.set(rule, memo.clone());
            assert_eq!(taken > 0, [0, PAGE, 10_000].contains(&rule), "{rule}");
            assert_eq!(memos.set(rule, memo), 0);
        }
        for rule in rules {
            assert_eq!(memos.get(rule).map(|memo| &memo.value), Some(&Value::from(rule)));
        }
        assert!(memos.get(2).is_none() && memos.get(9_999).is_none() && memos.get(100_000).is_none());
    }
}
