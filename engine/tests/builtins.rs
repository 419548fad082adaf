//! What built-in functions answer. The rows are calls and OPA's answers to them.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{answer, check};
use policy_engine::builtins::{Kind, TABLE, Types, is_refused, lookup};
use regorus::Value;

/// Recorded from OPA by way of buildx.
#[test]
fn recorded_answers() {
    check(
        r#"
        sum([1,2.5,3]) => 6.5
        max([3,1,2]) => 3
        max([]) => undefined
        array.slice([1,2,3,4],1,3) => [2,3]
        array.slice([1,2,3],-1,10) => [1,2,3]
        abs(-5) => 5
        floor(-1.2) => -2
        round(-2.5) => -3
        rem(7, 3) => 1
        rem(-7, 3) => -1
        plus(0.1, 0.2) => 0.3
        bits.or(5,2) => 7
        bits.and(6,3) => 2
        bits.negate(5) => -6
        bits.lsh(1,5) => 32
        bits.rsh(32,2) => 8
        minus({1,2,3}, {2}) => [1,3]
        intersection({{1,2},{2,3}}) => [2]
        to_number(null) => 0
        format_int(-10.9,2) => "-1010"
        regex.match("^a.*z$","abcz") => true
        regex.split("[,;]","a,b;c") => ["a","b","c"]
        regex.find_n("[0-9]+","a1b22c333",2) => ["1","22"]
        regex.find_all_string_submatch_n("(a)(b)?","abab a",-1) => [["ab","a","b"],["ab","a","b"],["a","a",""]]
        regex.template_match("urn:foo:{.*}","urn:foo:bar","{","}") => true
        regex.globs_match("a.a.[0-9]+z","a.a.*z") => true
        contains("abc","b") => true
        endswith("abc","bc") => true
        indexof_n("banana","a") => [1,3,5]
        lower("ÀB") => "àb"
        replace("aaa","a","b") => "bbb"
        split("a,b,",",") => ["a","b",""]
        sprintf("%s-%d-%v-%q",["x",3,[1,"a"],"q"]) => "x-3-[1, \"a\"]-\"q\""
        sprintf("%v %v",["a"]) => "a %!v(MISSING)"
        sprintf("%v",["a","b"]) => "a%!(EXTRA string=b)"
        sprintf("%%",[]) => "%"
        sprintf("%T",["a"]) => "string"
        sprintf("%o",[8]) => "10"
        trim("xxaxx","x") => "a"
        trim_left("xxa","x") => "a"
        trim_right("axx","x") => "a"
        strings.reverse("héy") => "yéh"
        strings.count("cheese","e") => 3
        strings.replace_n({"a":"1","b":"2"},"aabb") => "1122"
        strings.any_prefix_match("abc",["x","ab"]) => true
        strings.render_template("hi {{.n}}",{"n":"x"}) => "hi x"
        numbers.range(1,4) => [1,2,3,4]
        numbers.range(3,1) => [3,2,1]
        numbers.range_step(0,10,4) => [0,4,8]
        json.marshal({"b":1,"a":[null,true]}) => "{\"a\":[null,true],\"b\":1}"
        json.is_valid("{") => false
        json.remove({"a":{"b":1,"c":2}},["a/b"]) => {"a":{"c":2}}
        json.patch({"a":1},[{"op":"add","path":"/b","value":2}]) => {"a":1,"b":2}
        base64.decode("YT9iPg==") => "a?b\u003e"
        base64.is_valid("%%") => false
        base64url.encode("a?b>") => "YT9iPg=="
        base64url.encode_no_pad("a?b>") => "YT9iPg"
        base64url.decode("YT9iPg") => "a?b\u003e"
        urlquery.encode("a b&c") => "a+b%26c"
        urlquery.decode("a+b%26c") => "a b\u0026c"
        urlquery.decode_object("a=1&a=2&b=x") => {"a":["1","2"],"b":["x"]}
        hex.encode("az") => "617a"
        object.union_n([{"a":1},{"b":2},{"a":3}]) => {"a":3,"b":2}
        object.get({"a":{"b":1}},["a","b"],0) => 1
        object.get({"a":1},"z","d") => "d"
        object.keys({"a":1,"b":2}) => ["a","b"]
        object.subset({"a":{"b":1,"c":2}},{"a":{"b":1}}) => true
        object.subset([1,2,3],[2,3]) => true
        time.date(1700000000000000000) => [2023,11,14]
        time.diff(1700000000000000000,0) => [53,10,13,22,13,20]
        is_number(1) => true
        is_boolean(false) => true
        is_array([1]) => true
        is_object({}) => true
        type_name({1}) => "set"
        glob.match("*.com",[],"a.com") => true
        glob.match("a:*",[":"],"a:b:c") => false
        glob.match("a:**",[":"],"a:b:c") => true
        glob.match("[!a]c",[],"bc") => true
        glob.quote_meta("a*b") => "a\\*b"
        units.parse("10Ki") => 10240
        units.parse("1.5m") => 0.0015
        units.parse_bytes("10MiB") => 10485760
        units.parse_bytes("1.5GB") => 1500000000
        semver.is_valid("1.2") => false
        semver.compare("1.0.0-alpha","1.0.0") => -1
        equal({"a":1}, {"a":1.0}) => true
        lt(null, false) => true
        gt(true, false) => true
        sprintf("%05d %5.2f %x %t",[42,3.14159,255,true]) => "00042  3.14 ff %!t(string=true)"
        sprintf("%-5s;%5s;",["a","b"]) => "a    ;    b;"
"#,
    );
}

#[test]
fn arithmetic_has_mantissas_of_64_bits() {
    check(
        r#"
        plus(9223372036854775807, 1) => 9223372036854775808
        plus(18446744073709551615, 1) => 18446744073709551616
        plus(100000000000000000000000000000, 1) => 100000000000000000000000000000
        plus(0.7, 0.1) => 0.8
        minus(0.3, 0.1) => 0.2
        minus(1, 0.9) => 0.1
        mul(0.1, 3) => 0.3
        mul(1.1, 1.1) => 1.21
        mul(4294967296, 4294967296) => 18446744073709551616
        div(6, 3) => 2
        div(1, 2) => 0.5
        div(-7, 2) => -3.5
        div(1, 10) => 0.1
        div(1, 0) => error
        rem(7, 0) => error
        rem(7.5, 2) => error
        rem(-7, 3) => -1
        plus("a", 1) => error
        minus({1, 2}, {2}) => [1]
        minus({1}, 2) => error
        minus(1, {2}) => error
        round(2.5) => 3
        round(2.4) => 2
        ceil(1.2) => 2
        ceil(-1.2) => -1
        ceil(-0.5) => 1
        floor(-1.2) => -2
        floor(-0.5) => 0
        floor(2.7) => 2
        abs(-1.5) => 1.5
        abs(-9223372036854775808) => 9223372036854775808
        sum([0.1, 0.2]) => 0.3
        sum({1, 2, 3}) => 6
        sum([]) => 0
        sum(["a"]) => error
        product([2, 3, 0.5]) => 3
        product([]) => 1
        bits.lsh(1, 64) => 18446744073709551616
        bits.lsh(1, -1) => error
        bits.lsh(0, 99999999999) => 0
        bits.lsh(1, 99999999999) => limit
        bits.rsh(-8, 1) => -4
        bits.rsh(8, 99999999999) => 0
        bits.and(1.5, 1) => error
        bits.negate(-1) => 0
        bits.xor(5, 3) => 6
        numbers.range(2, 2) => [2]
        numbers.range(1.5, 2) => error
        numbers.range(1, 20000000) => limit
        numbers.range(1, 1e300) => limit
        numbers.range_step(10, 0, 5) => [10,5,0]
        numbers.range_step(0, 10, 0) => error
        numbers.range_step(0, 1000000000, 1000000000) => [0,1000000000]
        to_number("1e3") => 1000
        to_number("-.5") => -0.5
        to_number("inf") => error
        to_number(" 1") => error
        to_number("1e999") => error
        to_number(true) => 1
        to_number([]) => error
        format_int(255, 16) => "ff"
        format_int(-255, 2) => "-11111111"
        format_int(1.9, 10) => "1"
        format_int(1, 3) => error
    "#,
    );
}

#[test]
fn aggregates_and_sets() {
    check(
        r#"
        count("héy") => 3
        count({"a": 1}) => 1
        count(1) => error
        max([]) => undefined
        max([null, true, 1, "a", [], {}, set()]) => []
        min({null, 1}) => 1
        min([2, 1]) => 1
        min(set()) => undefined
        sort([{"a": 1}, {1}, [2], "x", 1, true, null]) => [null,true,1,"x",[2],{"a":1},[1]]
        sort({3, 1}) => [1,3]
        union({{1}, {2}}) => [1,2]
        union(set()) => []
        intersection(set()) => []
        intersection({{1, 2}, {2}}) => [2]
        and({1, 2}, {2, 3}) => [2]
        or({1}, {2}) => [1,2]
        or([1], {2}) => error
        array.concat([1], [2]) => [1,2]
        array.flatten([1, [2, [3]], []]) => [1,2,[3]]
        array.slice([1, 2, 3], 2, 1) => []
        array.reverse([1, 2]) => [2,1]
        lt({"a": 1}, {1}) => true
        gt(set(), {}) => true
        lte([1], [1, 2]) => true
        gte("b", "a") => true
        eq({1}, {1}) => true
        neq(1, 1.0) => false
        type_name(null) => "null"
    "#,
    );
}

#[test]
fn strings() {
    check(
        r#"
        concat(",", ["a", "b"]) => "a,b"
        concat(",", {"b", "a"}) => "a,b"
        concat(",", [1]) => error
        contains("abc", 1) => error
        indexof("héllo", "l") => 2
        indexof("a", "b") => -1
        indexof("a", "") => error
        indexof_n("aaa", "aa") => [0,1]
        indexof_n("éaéa", "a") => [1,3]
        substring("héllo", 1, 2) => "él"
        substring("abc", 1, -1) => "bc"
        substring("abc", 5, 1) => ""
        substring("abc", 0, 0) => ""
        substring("abc", -1, 1) => error
        split("añb", "") => ["a","ñ","b"]
        split("a", ",") => ["a"]
        split("", ",") => [""]
        replace("abc", "", "-") => "-a-b-c-"
        replace("aaa", "aa", "b") => "ba"
        strings.replace_n({"a": "b", "b": "a"}, "ab") => "ba"
        strings.replace_n({"aa": "x", "a": "y"}, "aaa") => "yyy"
        strings.replace_n({"a": 1}, "a") => error
        strings.count("aaa", "aa") => 1
        strings.count("ab", "") => 3
        trim("!?a?!", "!?") => "a"
        trim_space(" \t a \n") => "a"
        trim_prefix("aab", "a") => "ab"
        trim_suffix("baa", "a") => "ba"
        trim_left("aab", "a") => "b"
        upper("straße") => "STRAßE"
        lower("ÀΣ") => "àσ"
        strings.any_suffix_match(["ab", "cd"], {"d"}) => true
        strings.any_prefix_match("a", [1]) => error
        strings.any_prefix_match([], "a") => false
        strings.reverse("añ") => "ña"
    "#,
    );
}

#[test]
fn sprintf() {
    check(
        r#"
        sprintf("%d", [1.5]) => "%!d(float64=1.5)"
        sprintf("%s", [1]) => "%!s(int=1)"
        sprintf("%v %v %v", [1.5, true, null]) => "1.5 true null"
        sprintf("%t", [true]) => "%!t(string=true)"
        sprintf("%v", [{"a": {1, 2}, "b": ["x", set()]}]) => "{\"a\": {1, 2}, \"b\": [\"x\", set()]}"
        sprintf("%q", ["a\"b\n"]) => "\"a\\\"b\\n\""
        sprintf("%x", ["hi"]) => "6869"
        sprintf("% X", ["hi"]) => "68 69"
        sprintf("%08.3f|%-8d|%+d", [3.14159, 7, 5]) => "0003.142|7       |+5"
        sprintf("%e %g %G", [1234.5, 0.000001, 1.5]) => "1.234500e+03 1e-06 1.5"
        sprintf("%v", [1234567.5]) => "1.2345675e+06"
        sprintf("%6.2f%%", [12.345]) => " 12.35%"
        sprintf("%[2]s %[1]s", ["a", "b"]) => "b a"
        sprintf("%[3]s", ["a"]) => "%!s(BADINDEX)"
        sprintf("%*d", [5, 42]) => "   42"
        sprintf("%-*d|", [5, 42]) => "42   |"
        sprintf("%.2s", ["héy"]) => "hé"
        sprintf("%5q", ["a"]) => "  \"a\""
        sprintf("%c%U", [233, 233]) => "éU+00E9"
        sprintf("%#x %#o %b", [255, 8, 5]) => "0xff 010 101"
        sprintf("%d", [12345678901234567890]) => "12345678901234567890"
        sprintf("%", []) => "%!(NOVERB)"
        sprintf("%z", [1]) => "%!z(int=1)"
        sprintf("%s %T %T", ["a", 1, 1.5]) => "a int float64"
        sprintf("%!", [1]) => "%!!(int=1)"
        sprintf("%x", [1.5]) => "0x1.8p+00"
        sprintf("a", {}) => error
    "#,
    );
    assert_eq!(answer(r#"sprintf("%999999d", [1])"#).len(), 999_999 + 2);
    let verbs = "%900000d".repeat(20);
    let ones = vec!["1"; 20].join(",");
    assert_eq!(answer(&format!(r#"sprintf("{verbs}", [{ones}])"#)), "limit");
}

#[test]
fn regular_expressions() {
    check(
        r#"
        regex.match(`^\d+$`, "١٢") => false
        regex.match(`^\w+$`, "é") => false
        regex.match(`\bfoo\b`, "éfoo") => true
        regex.match(`^\pL+\z`, "é") => true
        regex.match(`^\p{^Greek}$`, "α") => false
        regex.match(`\Qa.b\E`, "axb") => false
        regex.match(`a{,2}`, "a{,2}") => true
        regex.match(`[a&&b]`, "&") => true
        regex.match(`[[]`, "[") => true
        regex.match(`[]a]`, "]") => true
        regex.match(`^[\d\-x]+$`, "1-x") => true
        regex.match(`^[[:alpha:]]$`, "b") => true
        regex.match(`\101`, "A") => true
        regex.match(`\x{e9}`, "é") => true
        regex.match(`(?i)ABC`, "abc") => true
        regex.match(`(?P<x>a)`, "a") => true
        regex.match(`(`, "a") => error
        regex.is_valid(`a**`) => false
        regex.is_valid(`(?=a)`) => false
        regex.is_valid(`\1`) => false
        regex.is_valid(`\Z`) => false
        regex.is_valid(`a{1001}`) => false
        regex.is_valid(`(?x)a`) => false
        regex.is_valid(`[b-a]`) => false
        regex.is_valid(1) => false
        regex.split("", "ab") => ["a","b"]
        regex.split(",", "") => [""]
        regex.split("a", "banana") => ["b","n","n",""]
        regex.find_n("a*", "baab", -1) => ["","aa",""]
        regex.find_n("a", "aaa", 2) => ["a","a"]
        regex.find_n("a", "aaa", 0) => []
        regex.replace("abc", "(b)", "[$1$1]") => "a[bb]c"
        regex.replace("abc", "(?P<x>b)", "${x}y$x_") => "abyc"
        regex.replace("abc", "b", "$$$") => "a$$c"
        regex.template_match("a{[0-9]+}b", "a12b", "{", "}") => true
        regex.template_match("a.{x}", "abx", "{", "}") => false
        regex.template_match("a{", "a", "{", "}") => error
        regex.template_match("a", "a", "{{", "}") => error
        regex.globs_match("a*", "b*") => false
        regex.globs_match("[a-c]+d", "bb*d") => true
        regex.globs_match("a]", "a") => error
    "#,
    );
}

#[test]
fn globs() {
    check(
        r#"
        glob.match("*.com", null, "a.b.com") => true
        glob.match("*.com", [], "a.b.com") => false
        glob.match("**.com", [], "a.b.com") => true
        glob.match("a?c", ["b"], "abc") => false
        glob.match("{a,b*}.com", ["."], "bcd.com") => true
        glob.match("[a-c]x", [], "bx") => true
        glob.match("[ab-]x", [], "-x") => true
        glob.match("[!a-c]x", [], "dx") => true
        glob.match(`a\*`, [], "a*") => true
        glob.match(`a\*`, [], "ab") => false
        glob.match("a,b}", [], "a,b}") => true
        glob.match("[]", [], "a") => error
        glob.match("a", ["ab"], "a") => error
        glob.match("docker.io/library/*", ["/"], "docker.io/library/a/b") => false
    "#,
    );
}

#[test]
fn the_table() {
    assert!(lookup("nothing").is_none());
    assert!(is_refused("http.send") && !is_refused("count"));
    assert!(TABLE.windows(2).all(|pair| pair[0].name < pair[1].name), "the table is sorted");
    assert!(TABLE.iter().all(|builtin| builtin.arity == builtin.args.len() && !is_refused(builtin.name)));
    assert_eq!(lookup("time.now_ns").unwrap().kind, Kind::NowNs);
    assert_eq!(lookup("minus").unwrap().args[0].to_string(), "any<number, set>");
    assert!(Types::ANY.contains(Types::of(&Value::Null)));
}
