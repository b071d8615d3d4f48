//! nginx to IR.

pub mod load;

use super::*;
/// x
pub fn lower(_s: &mut Sources, _m: FileId, _o: &Options, _l: &dyn Loader) -> Lowered {
    todo!()
}
