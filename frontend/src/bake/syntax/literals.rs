//! The literal texts of a template, in their order: what `~` and `<<-` leave of them.

use hcl_edit::template::{Directive, Element, Strip};

/// How far a `~` reaches: through a whole literal, or to the line's end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    Whole,
    Each,
}

enum Token<'a> {
    /// A literal's line, or the whole of it: its text, and which literal it belongs to.
    Text(&'a str, usize),
    /// Anything else, and whether it takes the space before and after it.
    Other(Strip),
}

/// The text of each literal of a template, those in directives included, in the order in which they stand there.
/// `flush` takes as much space from the start of all lines as the line with the least has.
pub(super) fn of<'a>(elements: impl Iterator<Item = &'a Element>, lines: Lines, flush: bool) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut count = 0;
    flatten(elements, lines, &mut tokens, &mut count);
    strip(&mut tokens);
    if flush {
        dedent(&mut tokens);
    }
    let mut texts = vec![String::new(); count];
    for token in tokens {
        if let Token::Text(text, literal) = token
            && let Some(whole) = texts.get_mut(literal)
        {
            whole.push_str(text);
        }
    }
    texts
}

/// Templates are as deep as their parser lets them be.
fn flatten<'a>(
    elements: impl Iterator<Item = &'a Element>,
    lines: Lines,
    tokens: &mut Vec<Token<'a>>,
    count: &mut usize,
) {
    for element in elements {
        match element {
            Element::Literal(text) => {
                match lines {
                    Lines::Whole => tokens.push(Token::Text(text, *count)),
                    Lines::Each => {
                        tokens.extend(text.split_inclusive('\n').map(|line| Token::Text(line, *count)));
                    }
                }
                *count += 1;
            }
            Element::Interpolation(interpolation) => tokens.push(Token::Other(interpolation.strip)),
            Element::Directive(directive) => match &**directive {
                Directive::If(directive) => {
                    tokens.push(Token::Other(directive.if_expr.strip));
                    flatten(directive.if_expr.template.iter(), lines, tokens, count);
                    if let Some(otherwise) = &directive.else_expr {
                        tokens.push(Token::Other(otherwise.strip));
                        flatten(otherwise.template.iter(), lines, tokens, count);
                    }
                    tokens.push(Token::Other(directive.endif_expr.strip));
                }
                Directive::For(directive) => {
                    tokens.push(Token::Other(directive.for_expr.strip));
                    flatten(directive.for_expr.template.iter(), lines, tokens, count);
                    tokens.push(Token::Other(directive.endfor_expr.strip));
                }
            },
        }
    }
}

fn strip(tokens: &mut [Token<'_>]) {
    for index in 0..tokens.len() {
        let Some(Token::Other(strip)) = tokens.get(index) else { continue };
        let (before, after) = (strip.strip_start(), strip.strip_end());
        if before
            && let Some(Token::Text(text, _)) = index.checked_sub(1).and_then(|index| tokens.get_mut(index))
        {
            *text = text.trim_end();
        }
        if after && let Some(Token::Text(text, _)) = tokens.get_mut(index + 1) {
            *text = text.trim_start();
        }
    }
}

/// A line that lost its end to a `~` does not end there, so that what follows does not start one.
fn dedent(tokens: &mut [Token<'_>]) {
    let mut least = usize::MAX;
    let mut starts = Vec::new();
    let mut at_start = true;
    for (index, token) in tokens.iter().enumerate() {
        let Token::Text(text, _) = token else {
            if std::mem::take(&mut at_start) {
                least = 0;
            }
            continue;
        };
        if at_start {
            let rest = text.trim_start();
            // An empty line does not count.
            if !rest.is_empty() || !text.ends_with('\n') {
                let spaces = text.strip_suffix(rest).unwrap_or_default();
                least = least.min(spaces.chars().count());
                starts.push(index);
            }
        }
        at_start = text.ends_with('\n');
    }
    for index in starts {
        if let Some(Token::Text(text, _)) = tokens.get_mut(index) {
            let cut = text.char_indices().nth(least).map_or(text.len(), |(cut, _)| cut);
            *text = text.get(cut..).unwrap_or_default();
        }
    }
}
