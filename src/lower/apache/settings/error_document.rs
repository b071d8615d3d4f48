//! `ErrorDocument`.

use super::Done;
use crate::ir::scope::{ErrorPage, ErrorStatus, ErrorTarget};
use crate::lower::apache::alias::has_scheme;
use crate::lower::apache::builder::Builder;
use crate::lower::apache::context::Context;
use crate::lower::apache::expr;
use crate::lower::apache::flags::{atoi, has_status_line};
use crate::lower::apache::load::Line;
use crate::lower::apache::refused::{Refused, shown};
use std::sync::Arc;

/// An error page, which takes the place of an earlier one for the same status.
pub fn lower(context: &mut Context, builder: &mut Builder, line: &Line) -> Done {
    let given = line.words(context.sources);
    let [code, text, ..] = given.as_slice() else { return Ok(()) };
    let number = u16::try_from(atoi(&code.value)).ok().filter(|number| has_status_line(*number));
    let Some(number) = number else {
        return Err(Refused::at(line.rest, format!("Unsupported HTTP response code {}", shown(&code.value))));
    };
    let value = &text.value;
    let mut template = || expr::string(context, line.head, value).map_err(|message| Refused::at(line.rest, message));
    let target = if value.eq_ignore_ascii_case(b"default") {
        ErrorTarget::Default
    } else if value.contains(&b' ') {
        ErrorTarget::Text(template()?)
    } else if value.starts_with(b"/") {
        ErrorTarget::Path(template()?)
    } else if has_scheme(value) && number == 401 {
        // A redirect would take the place of the question for a password: left out.
        return Ok(());
    } else if has_scheme(value) {
        ErrorTarget::Url(template()?)
    } else {
        ErrorTarget::Text(template()?)
    };
    let page = ErrorPage { span: line.head, code: number, target, status: ErrorStatus::Original };
    let pages = &mut builder.scope.settings.error_pages.items;
    pages.retain(|have| have.code != number);
    pages.push(Arc::new(page));
    Ok(())
}
