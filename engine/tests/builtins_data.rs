//! What built-in functions of objects, encodings, times and templates answer.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::check;
use policy_engine::builtins::{BuiltinError, lookup};
use regorus::Value;

#[test]
fn objects() {
    check(
        r#"
        object.get({"a": [10, {"b": 1}]}, ["a", 1, "b"], 0) => 1
        object.get({"a": 1}, ["a", "b"], "d") => "d"
        object.get({"a": 1}, [], 0) => {"a":1}
        object.get({1: 2}, 1, 0) => 2
        object.get([1], 0, 0) => error
        object.union({"a": {"x": 1}, "b": 1}, {"a": {"y": 2}, "b": {"z": 1}}) => {"a":{"x":1,"y":2},"b":{"z":1}}
        object.union_n([{"a": {"b": 2}}, {"a": 4}, {"a": {"c": 3}}]) => {"a":{"c":3}}
        object.union_n([{"a": 1}, 2]) => error
        object.remove({"a": 1, "b": 2}, ["a"]) => {"b":2}
        object.remove({"a": 1, "b": 2}, {"a": 0}) => {"b":2}
        object.filter({"a": 1, "b": 2}, {"a"}) => {"a":1}
        object.keys({}) => []
        object.subset({1, 2}, {1}) => true
        object.subset([1, 2, 3], {3, 1}) => true
        object.subset([], set()) => false
        object.subset([1, 2, 3], [1, 3]) => false
        object.subset({"a": [1, 2]}, {"a": [2]}) => true
        object.subset({"a": 1}, {"b": 1}) => false
        object.subset({"a": 1}, [1]) => error
        json.filter({"a": {"b": 1, "c": [5, 6]}}, ["a/c/1"]) => {"a":{"c":[6]}}
        json.filter({"a": 1, "b": 2}, {["b"]}) => {"b":2}
        json.filter({"a": 1}, ["x/y"]) => {}
        json.remove({"a": {"b": 1}, "c~/": 2}, ["a/b", "c~0~1"]) => {"a":{}}
        json.remove({"a": [1, 2, 3]}, ["a/0", "/a/2"]) => {"a":[2]}
        json.remove({"a": 1}, [1]) => error
        json.patch({"a": [1, 2]}, [{"op": "add", "path": "/a/-", "value": 3}]) => {"a":[1,2,3]}
        json.patch({"a": [1, 2]}, [{"op": "replace", "path": ["a", 0], "value": 3}]) => {"a":[3,2]}
        json.patch({"a": 1}, [{"op": "move", "from": "a", "path": "b"}]) => {"b":1}
        json.patch({"a": 1}, [{"op": "copy", "from": "/a", "path": "/b"}]) => {"a":1,"b":1}
        json.patch({"a": 1}, [{"op": "test", "path": "/a", "value": 2}]) => error
        json.patch({"a": {"b": 1}}, [{"op": "remove", "path": "/a/b"}]) => {"a":{}}
        json.patch({"a": 1}, [{"op": "remove", "path": "/b"}]) => error
        json.patch({"a": 1}, [{"op": "add", "path": "", "value": [1]}]) => [1]
        json.patch([1], [{"op": "add", "path": "/02", "value": 1}]) => error
        json.patch({1, 2}, [{"op": "remove", "path": [1]}]) => [2]
        json.patch({}, [{"op": "bad", "path": "/a"}]) => error
        json.patch({}, [1]) => error
    "#,
    );
}

#[test]
fn json() {
    check(
        r#"
        json.marshal({1: "a", true: "<&>"}) => "{\"1\":\"a\",\"true\":\"\\u003c\\u0026\\u003e\"}"
        json.marshal({[1, "x"]: 1}) => "{\"[1,\\\"x\\\"]\":1}"
        json.marshal({3, 1}) => "[1,3]"
        json.marshal(0.0000001) => "1e-07"
        json.marshal_with_options({"a": [1, {}]}, {"pretty": true}) => "{\n\t\"a\": [\n\t\t1,\n\t\t{}\n\t]\n}"
        json.marshal_with_options([1], {"indent": " ", "prefix": ">"}) => "\u003e[\n\u003e 1\n\u003e]"
        json.marshal_with_options([1], {"indent": " ", "pretty": false}) => "[1]"
        json.marshal_with_options([1], {"other": 1}) => error
        json.unmarshal("{\"a\": [1, 2.5, \"\\u00e9\\ud83d\\ude00\\ud800x\"], \"a\": 2}") => {"a":2}
        json.unmarshal("[1, 2.5e2, \"\\u00e9\\ud83d\\ude00\"]") => [1,250,"é😀"]
        json.unmarshal("\"\\ud800\"") => "�"
        json.unmarshal("12345678901234567890123") => 12345678901234567890123
        json.unmarshal("1e99999999") => limit
        json.unmarshal("1e-99999999") => 0
        json.unmarshal("[1,]") => error
        json.unmarshal("01") => error
        json.unmarshal("1 2") => error
        json.unmarshal("") => error
        json.unmarshal("\"a\nb\"") => error
        json.is_valid("{}") => true
        json.is_valid("{a:1}") => false
        json.is_valid(1) => false
    "#,
    );
    let nested = (lookup("json.unmarshal").unwrap().call)(&[Value::from("[".repeat(100_000))]);
    assert!(matches!(nested, Err(BuiltinError::Limit(_))), "a document of 100000 levels");
}

#[test]
fn encodings() {
    check(
        r#"
        base64.encode("a") => "YQ=="
        base64.encode("ab") => "YWI="
        base64.decode("YQ") => error
        base64.decode("YWJj\nZA==") => "abcd"
        base64.decode("YQ==YQ==") => error
        base64.decode("Y===") => error
        base64.is_valid("YQ==") => true
        base64.is_valid(1) => false
        base64url.encode_no_pad("ab") => "YWI"
        base64url.decode("_-8") => "��"
        base64url.decode("a") => error
        hex.encode("é") => "c3a9"
        hex.decode("6869") => "hi"
        hex.decode("6") => error
        hex.decode("zz") => error
        urlquery.encode("é/?~") => "%C3%A9%2F%3F~"
        urlquery.decode("a%2") => error
        urlquery.decode("a%+1") => error
        urlquery.encode_object({"b": ["1", "2"], "a": "x y", "c": {"z"}}) => "a=x+y\u0026b=1\u0026b=2\u0026c=z"
        urlquery.encode_object({"a": 1}) => error
        urlquery.decode_object("a=1&b&=c") => {"":["c"],"a":["1"],"b":[""]}
        urlquery.decode_object("a;b") => error
        yaml.unmarshal("a: [1, x]\nb: {c: null}\n") => {"a":[1,"x"],"b":{"c":null}}
        yaml.unmarshal("a: [") => error
        yaml.is_valid("a: 1") => true
        yaml.is_valid("a: [") => false
        yaml.is_valid(1) => false
        yaml.unmarshal("") => null
        yaml.unmarshal("a: yes\nb: \"yes\"\nc: 'off'\nd: off\n1: ~\ntrue: x\n1.5: z") => {"1":null,"1.5":"z","a":true,"b":"yes","c":"off","d":false,"true":"x"}
        yaml.unmarshal("[0x1F, 010, 1_000, 0b11, 0o17, -0x10, 1.50, 1e3, 12e]") => [31,8,1000,3,15,-16,1.5,1000,"12e"]
        yaml.unmarshal("a: &x {b: 1}\nc: {<<: *x, d: 2}\n") => {"a":{"b":1},"c":{"b":1,"d":2}}
        yaml.unmarshal("- 2001-01-02\n- '2001-01-02'\n- !!str 1\n- |\n  yes\n") => ["2001-01-02T00:00:00Z","2001-01-02","1","yes\n"]
        yaml.unmarshal("a: 1\n---\nb: 2\n") => {"a":1}
        yaml.unmarshal("{null: 1}") => error
        yaml.unmarshal(".nan") => error
        yaml.marshal({"b": [1, {"c": null, "d": []}], "a": {"x": "y"}, "e": {}}) => "a:\n  x: \"y\"\nb:\n- 1\n- c: null\n  d: []\ne: {}\n"
        yaml.marshal(["true", "x: y", "", "a\nb\n", "-", "é", "1.5", "a #b", " a", "a\tb", [[1]]]) => "- \"true\"\n- 'x: y'\n- \"\"\n- |\n  a\n  b\n- '-'\n- é\n- \"1.5\"\n- 'a #b'\n- ' a'\n- \"a\\tb\"\n- - - 1\n"
        yaml.marshal("x") => "x\n"
        yaml.marshal({"a10": 1, "a9": 2.5}) => "a9: 2.5\na10: 1\n"
    "#,
    );
}

#[test]
fn units_and_versions() {
    check(
        r#"
        units.parse("1K") => 1000
        units.parse("1ki") => 1024
        units.parse("1MI") => 1048576
        units.parse("100m") => 0.1
        units.parse("1e3") => 1000
        units.parse("1.5e") => 1500000000000000000
        units.parse("-1") => -1
        units.parse("1 K") => error
        units.parse("K") => error
        units.parse("1x") => error
        units.parse("1.1.1") => error
        units.parse("1e999999999") => limit
        units.parse_bytes("1KiB") => 1024
        units.parse_bytes("\"100TB\"") => 100000000000000
        units.parse_bytes("0.5KB") => 500
        units.parse_bytes("1.9") => 1
        units.parse_bytes("") => error
        units.parse_bytes("3ei") => 3458764513820540928
        semver.is_valid("v1.2.3-rc.1+build") => true
        semver.is_valid("1.2.3.4") => false
        semver.is_valid("1.2.x") => false
        semver.is_valid(1) => false
        semver.compare("1.10.0", "1.9.0") => 1
        semver.compare("1.0.0+a", "1.0.0+b") => 0
        semver.compare("1.0.0-1", "1.0.0-a") => -1
        semver.compare("1.0.0-alpha", "1.0.0-alpha.1") => -1
        semver.compare("1.0.0-10", "1.0.0-9") => 1
        semver.compare("1.0", "1.0.0") => error
        uuid.parse("00000000-0000-4000-8000-000000000000") => {"variant":"RFC4122","version":4}
        uuid.parse("x") => undefined
    "#,
    );
    check(
        r#"uuid.parse("71C84D5C-0BBD-11EE-BE56-0242AC120002") => {"clocksequence":15958,"macvariables":"local:unicast","nodeid":"02-42-ac-12-00-02","time":1686861878074095600,"variant":"RFC4122","version":1}"#,
    );
}

#[test]
fn times() {
    check(
        r#"
        time.format(0) => "1970-01-01T00:00:00Z"
        time.format(1700000000123456789) => "2023-11-14T22:13:20.123456789Z"
        time.format([1700000000000000000, "America/New_York"]) => "2023-11-14T17:13:20-05:00"
        time.format([1700000000000000000, "Asia/Kolkata", "RFC1123"]) => "Wed, 15 Nov 2023 03:43:20 IST"
        time.format([1700000000000000000, "", "Mon Jan _2 3:04PM 2006 .000 002 06"]) => "Tue Nov 14 10:13PM 2023 .000 318 23"
        time.format([1700000000000000000, "", "Month 2006January"]) => "Month 2023November"
        time.format([0, "Nowhere"]) => error
        time.format([]) => error
        time.format(1e300) => error
        time.format(1.5) => error
        time.clock([1700000000000000000, "Europe/Berlin"]) => [23,13,20]
        time.weekday(1700000000000000000) => "Tuesday"
        time.date(-1) => [1969,12,31]
        time.add_date(1700000000000000000, 0, 3, 17) => 1709417600000000000
        time.add_date(1700000000000000000, 1000, 0, 0) => error
        time.add_date([1698490800000000000, "Europe/Berlin"], 0, 0, 1) => 1698580800000000000
        time.add_date(0, 1.5, 0, 0) => error
        time.diff(0, 1700000000000000000) => [53,10,13,22,13,20]
        time.diff([1677628800000000000, "UTC"], 1675123200000000000) => [0,1,1,0,0,0]
        time.parse_ns("RFC3339", "2023-11-14T22:13:20.5+01:00") => 1699996400500000000
        time.parse_ns("2006-01-02", "2024-02-30") => error
        time.parse_ns("Jan 2, 2006 at 3:04pm (MST)", "Feb 3, 2013 at 7:54pm (PST)") => 1359921240000000000
        time.parse_ns("02 Jan 06 15:04 -0700", "14 Nov 23 22:13 -0500") => 1700017980000000000
        time.parse_ns("2006-002", "2024-366") => 1735603200000000000
        time.parse_ns("2006-01-02", "2024-01-01x") => error
        time.parse_rfc3339_ns("1985-04-12T23:20:50.52Z") => 482196050520000000
        time.parse_rfc3339_ns("3000-01-01T00:00:00Z") => error
        time.parse_rfc3339_ns("2023-11-14") => error
        time.parse_duration_ns("1h15m30.918273645s") => 4530918273645
        time.parse_duration_ns("-1.5h") => -5400000000000
        time.parse_duration_ns("0") => 0
        time.parse_duration_ns("100µs") => 100000
        time.parse_duration_ns("1") => error
        time.parse_duration_ns("") => error
        time.parse_duration_ns(".s") => error
        time.parse_duration_ns("10000000h") => error
    "#,
    );
}

#[test]
fn templates() {
    check(
        r#"
        strings.render_template("{{.a.b}} {{.c}}!", {"a": {"b": 1}}) => "1 \u003cundefined\u003e!"
        strings.render_template("{{range .l}}[{{.}}]{{else}}none{{end}}", {"l": [1, "x"]}) => "[1][x]"
        strings.render_template("{{range .l}}{{else}}none{{end}}", {"l": []}) => "none"
        strings.render_template("{{range $k, $v := .m}}{{$k}}={{$v}};{{end}}", {"m": {"b": 2, "a": 1}}) => "a=1;b=2;"
        strings.render_template("{{range $i, $v := .l}}{{if eq $i 1}}{{continue}}{{end}}{{if eq $i 3}}{{break}}{{end}}{{$v}}{{end}}", {"l": [0, 1, 2, 3]}) => "02"
        strings.render_template("{{if .a}}A{{else if .b}}B{{else}}C{{end}}", {"b": true}) => "B"
        strings.render_template("{{with .a}}{{.}}{{else with .b}}{{.}}!{{end}}", {"b": "x"}) => "x!"
        strings.render_template("a {{- .x -}} b{{/* no */}}", {"x": 1}) => "a1b"
        strings.render_template("{{$x := 1}}{{$x = 2}}{{$x}}{{$.a}}", {"a": 3}) => "23"
        strings.render_template("{{printf \"%05d|%q|%v\" 42 .s .l | print}}", {"s": "a", "l": [1, {"k": null}]}) => "00042|\"a\"|[1 map[k:\u003cnil\u003e]]"
        strings.render_template("{{len .s}} {{index .l 1}} {{index .m \"k\"}}", {"s": "é", "l": [1, 2], "m": {"k": 3}}) => "2 2 3"
        strings.render_template("{{and .a (not .b)}} {{or .c \"d\"}}", {"a": true, "b": false}) => "true d"
        strings.render_template("{{lt 1 2}} {{ge \"b\" \"a\"}} {{eq .x \"1\" \"2\"}}", {"x": "2"}) => "true true true"
        strings.render_template("{{html .x}}{{urlquery .x}}", {"x": "<a b>"}) => "\u0026lt;a b\u0026gt;%3Ca+b%3E"
        strings.render_template("{{`}}`}}{{\"}}\"}}", {}) => "}}}}"
        strings.render_template("{{.a.b}}", {"a": "x"}) => error
        strings.render_template("{{eq .n 1}}", {"n": 1}) => error
        strings.render_template("{{if .a}}", {}) => error
        strings.render_template("{{end}}", {}) => error
        strings.render_template("{{nofunc}}", {}) => error
        strings.render_template("{{.a", {}) => error
        strings.render_template("{{}}", {}) => error
        strings.render_template("{{index .l 5}}", {"l": []}) => error
        strings.render_template("{{.s}}", {"s": {1}}) => error
        internal.template_string(["a", {1}, set(), {"x"}, {[1]}]) => "a1\u003cundefined\u003ex[1]"
    "#,
    );
    let render = |template: String, list: usize| {
        let vars = Value::from_json_str(&format!("{{\"l\": {:?}}}", vec![1; list])).unwrap();
        (lookup("strings.render_template").unwrap().call)(&[Value::from(template), vars])
    };
    let nested = render("{{if 1}}".repeat(200) + &"{{end}}".repeat(200), 0);
    assert!(matches!(nested, Err(BuiltinError::Limit(_))), "{nested:?}");
    let loops = render("{{range $.l}}".repeat(4) + "x" + &"{{end}}".repeat(4), 200);
    assert!(matches!(loops, Err(BuiltinError::Limit(_))), "{loops:?}");
}
