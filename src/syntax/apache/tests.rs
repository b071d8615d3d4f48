use super::*;
use crate::syntax::Tree;

fn tree(text: &[u8]) -> Tree {
    let tree = parse(FileId(0), text);
    assert_eq!(tree.print(text), text, "{:?}", String::from_utf8_lossy(text));
    tree
}

fn words(text: &[u8]) -> Vec<Vec<String>> {
    let tree = tree(text);
    let said = |word: &Word| String::from_utf8_lossy(word.value(text)).into_owned();
    tree.directives().map(|one| std::iter::once(&one.name).chain(&one.args).map(said).collect()).collect()
}

#[test]
fn continuation_lines_join_inside_names_and_words_and_comments() {
    assert_eq!(words(b"Redi\\\nrect 301 /a\\\r\nb http://x/\r\n"), [["Redirect", "301", "/ab", "http://x/"]]);
    assert!(words(b"# note \\\nRedirect 301 /a http://x/\n").is_empty());
    assert_eq!(words(b"A b\\ \nC d\\"), [["A", "b\\"], ["C", "d\\"]]);
}

#[test]
fn the_last_mark_of_the_line_closes_a_section_in_any_case() {
    let text = b"<IF \"%{A} > 2\" > x\n a b\n</if>\n<Else>\n</Else>";
    let tree = tree(text);
    assert!(tree.errors.is_empty(), "{:?}", tree.errors);
    assert_eq!(words(text), [vec!["IF", "%{A} > 2"], vec!["a", "b"], vec!["Else"]]);
}

#[test]
fn a_wrong_close_tag_is_told_and_the_tree_goes_on() {
    let text = b"<A x>\n<B y>\n</A>\n</C>\nd e\n";
    let said: Vec<String> = tree(text).errors.into_iter().map(|error| error.message).collect();
    assert_eq!(said, ["expected `</b>` but saw `</A>`", "`</C>` closes nothing"]);
    assert_eq!(tree(b"<A x>").errors[0].message, "`<a>` is never closed");
}

#[test]
fn ten_thousand_nested_sections_cost_no_call_depth() {
    let text = [b"<A x>\n".repeat(10_000), b"</A>\n".repeat(10_000)].concat();
    assert!(tree(&text).errors.is_empty());
    tree(&b"<A x>\n".repeat(10_000));
}

proptest::proptest! {
    #[test]
    fn any_bytes_print_as_they_were(text in proptest::collection::vec(
        proptest::sample::select(b"aA <>/\\\n\r\t\"'#%{}?$\x00\xff".to_vec()), 0..200)) {
        tree(&text);
    }
}
