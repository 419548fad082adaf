//! No built-in function panics, whatever it is given, and none makes more than the limits allow.
#![allow(missing_docs, clippy::unwrap_used)]

use policy_engine::builtins::{BuiltinError, MAX_COLLECTION, TABLE, lookup, rand_intn, uuid_v4};
use regorus::Value;

/// A generator of numbers, the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(count).unwrap()).unwrap()
    }

    fn pick<'a>(&mut self, values: &[&'a str]) -> &'a str {
        values[self.below(values.len())]
    }

    fn text(&mut self) -> String {
        const WHOLE: [&str; 48] = [
            "",
            "a",
            "é",
            "😀",
            "a/b/0",
            "%",
            "%d %s %v %x %[1]d %*d %.*f %!",
            "%99999999d",
            "%-+# 010.3q",
            "%U%c%T",
            "{{.a}}",
            "{{range .}}{{.}}{{end}}",
            "{{if",
            "{{index . 1}}",
            "{{- /* x */ -}}",
            "(a|b)*",
            "[^a-z]+\\d",
            "\\pL{2,3}",
            "(?P<n>x)",
            "[[:alpha:]",
            "{a,b*}",
            "[!a-c]?**",
            "1.5",
            "-1e3",
            "1e400",
            "10MiB",
            "1Ei",
            "1.2.3-rc.1+x",
            "2006-01-02T15:04:05Z07:00",
            "2023-11-14T22:13:20.5Z",
            "RFC3339",
            "Mon Jan _2 PM 06",
            "1h-5m",
            "Europe/Berlin",
            "{\"a\": [1, 2]}",
            "[[1], {\"b\": null}]",
            "\"\\ud800\"",
            "a: [b, {c: d}]\n",
            "- &x 1\n- *x\n",
            "YWJj",
            "a=1&b=%41",
            "%zz",
            "6869",
            "00000000-0000-1000-8000-000000000000",
            "$1${x}$",
            "\0\x07",
            "/~1~0/-",
            "yes",
        ];
        const PIECES: [&str; 24] = [
            "{", "}", "{{", "}}", "[", "]", "(", ")", "%", "*", "\\", "-", "é", "0", "9", "a", "Z", ".", ":",
            "$", "+", "?", "|", "\"",
        ];
        if self.below(2) == 0 {
            return self.pick(&WHOLE).to_owned();
        }
        (0..self.below(12)).map(|_| self.pick(&PIECES)).collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 8 } else { 11 }) {
            0 => Value::Null,
            1 => Value::from(self.next().is_multiple_of(2)),
            2 => Value::from(i64::try_from(self.below(40)).unwrap() - 10),
            3 => Value::from(i64::from_ne_bytes(self.next().to_ne_bytes())),
            4 => Value::from(f64::from(u32::try_from(self.below(1_000_000)).unwrap()) / 7.0 - 50.0),
            5 => Value::from_numeric_string(self.pick(&[
                "1e300",
                "-1e30",
                "1e-300",
                "9223372036854775808",
                "0.1",
            ]))
            .unwrap(),
            6 | 7 => Value::from(self.text()),
            8 => Value::from((0..self.below(4)).map(|_| self.value(depth - 1)).collect::<Vec<_>>()),
            9 => (0..self.below(4))
                .map(|_| self.value(depth - 1))
                .collect::<regorus::value::Set>()
                .into_value(),
            _ => {
                let mut object = regorus::value::Object::new();
                for _ in 0..self.below(4) {
                    let key = if self.below(3) == 0 { self.value(0) } else { Value::from(self.text()) };
                    let key = if self.below(4) == 0 { Value::from("op") } else { key };
                    object.insert(key, self.value(depth - 1));
                }
                object.into_value()
            }
        }
    }
}

#[test]
fn no_function_panics() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..150 {
        for builtin in &TABLE {
            let mut args: Vec<Value> = (0..builtin.arity).map(|_| random.value(3)).collect();
            // Half of the time only such types as the function wants.
            for (arg, types) in args.iter_mut().zip(builtin.args) {
                for _ in 0..if random.below(2) == 0 { 40 } else { 0 } {
                    if types.contains(policy_engine::builtins::Types::of(arg)) {
                        break;
                    }
                    *arg = random.value(3);
                }
            }
            // A panic is the failure; every answer is fine.
            drop((builtin.call)(&args));
        }
    }
}

fn call(name: &str, args: &[Value]) -> Result<Value, BuiltinError> {
    (lookup(name).unwrap().call)(args)
}

fn limited(result: Result<Value, BuiltinError>) -> bool {
    matches!(result, Err(BuiltinError::Limit(message)) if message.contains("limit"))
}

#[test]
fn growth_is_limited() {
    let million = "x".repeat(1 << 20);
    let text = Value::from(million.as_str());
    let many = Value::from(vec![text.clone(); 20]);
    assert!(limited(call("concat", &[Value::from(","), many.clone()])));
    assert!(limited(call("replace", &[text.clone(), Value::from("x"), Value::from("y".repeat(17))])));
    assert!(limited(call("json.marshal", std::slice::from_ref(&many))));
    assert!(limited(call("sprintf", &[Value::from("%v%v"), Value::from(vec![many.clone(), many])])));
    let part = Value::from("x".repeat(1 << 12));
    let replacement = Value::from("y".repeat(5000));
    assert!(limited(call("regex.replace", &[part, Value::from("x"), replacement])));
    assert!(limited(call("split", &[text.clone(), Value::from("x")])));
    assert!(limited(call("regex.match", &[text, Value::from("x")])));
    assert!(limited(call("regex.match", &[Value::from("(x{1000}){1000}"), Value::from("x")])));
    let half = Value::from(vec![Value::Null; MAX_COLLECTION / 2 + 1]);
    assert!(limited(call("array.concat", &[half.clone(), half])));
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (this, last) in ('b'..='k').zip('a'..) {
        let aliases = vec![format!("*{last}"); 9].join(",");
        bomb += &["", &this.to_string(), ": &", &this.to_string(), " [", &aliases, "]\n"].concat();
    }
    assert!(call("yaml.unmarshal", &[Value::from(bomb)]).is_err());
}

#[test]
fn randomness_comes_from_outside() {
    assert_eq!(rand_intn(&Value::from(10), 25).unwrap(), Value::from(5));
    assert_eq!(rand_intn(&Value::from(-10), 25).unwrap(), Value::from(5));
    assert_eq!(rand_intn(&Value::from(0), 25).unwrap(), Value::from(0));
    assert!(rand_intn(&Value::from("x"), 1).is_err());
    assert_eq!(uuid_v4(0), Value::from("00000000-0000-4000-8000-000000000000"));
    assert_eq!(uuid_v4(u128::MAX), Value::from("ffffffff-ffff-4fff-bfff-ffffffffffff"));
    assert!(call("time.now_ns", &[]).is_err());
}
