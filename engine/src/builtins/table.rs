//! The table of all functions, and of those that OPA has but a policy may not call.

use super::{Builtin, Kind, Types};
use super::{
    aggregates, arithmetic, comparison, encoding, glob, json, json_paths, objects, regex, sets, sprintf,
    strings, template, term, time, types, units, versions, yaml, yaml_writer,
};

const ANY: Types = Types::ANY;
const NUM: Types = Types::NUMBER;
const STR: Types = Types::STRING;
const ARR: Types = Types::ARRAY;
const OBJ: Types = Types::OBJECT;
const SET: Types = Types::SET;
const BOOL: Types = Types::BOOLEAN;
const NUM_SET: Types = NUM.or(SET);
const COLL: Types = ARR.or(SET);
const KEYED: Types = COLL.or(OBJ);
const COUNTED: Types = KEYED.or(STR);
const TEXTS: Types = COLL.or(STR);
const TIME: Types = NUM.or(ARR);
const ARR_NULL: Types = ARR.or(Types::NULL);
const SCALAR: Types = NUM.or(STR).or(BOOL).or(Types::NULL);

const fn pure(
    name: &'static str,
    args: &'static [Types],
    result: Types,
    call: fn(&[regorus::Value]) -> super::Result,
) -> Builtin {
    Builtin { name, arity: args.len(), args, result, kind: Kind::Pure, call }
}

/// A function that only the evaluator can answer; called directly, it fails.
const fn contextual(name: &'static str, args: &'static [Types], result: Types, kind: Kind) -> Builtin {
    Builtin {
        name,
        arity: args.len(),
        args,
        result,
        kind,
        call: |_| super::operands::failed("only the evaluator can call this"),
    }
}

/// Every function that a policy may call, by name, sorted. `print`, `:=`, `in` and template strings' parts are
/// syntax, and the evaluator's business.
#[rustfmt::skip]
pub static TABLE: [Builtin; 129] = [
    pure("abs", &[NUM], NUM, arithmetic::abs),
    pure("and", &[SET, SET], SET, sets::and),
    pure("array.concat", &[ARR, ARR], ARR, aggregates::concat),
    pure("array.flatten", &[ARR], ARR, aggregates::flatten),
    pure("array.reverse", &[ARR], ARR, aggregates::reverse),
    pure("array.slice", &[ARR, NUM, NUM], ARR, aggregates::slice),
    pure("base64.decode", &[STR], STR, encoding::base64_decode),
    pure("base64.encode", &[STR], STR, encoding::base64_encode),
    pure("base64.is_valid", &[STR], BOOL, encoding::base64_is_valid),
    pure("base64url.decode", &[STR], STR, encoding::base64url_decode),
    pure("base64url.encode", &[STR], STR, encoding::base64url_encode),
    pure("base64url.encode_no_pad", &[STR], STR, encoding::base64url_encode_no_pad),
    pure("bits.and", &[NUM, NUM], NUM, arithmetic::bits_and),
    pure("bits.lsh", &[NUM, NUM], NUM, arithmetic::bits_lsh),
    pure("bits.negate", &[NUM], NUM, arithmetic::bits_negate),
    pure("bits.or", &[NUM, NUM], NUM, arithmetic::bits_or),
    pure("bits.rsh", &[NUM, NUM], NUM, arithmetic::bits_rsh),
    pure("bits.xor", &[NUM, NUM], NUM, arithmetic::bits_xor),
    pure("ceil", &[NUM], NUM, arithmetic::ceil),
    pure("concat", &[STR, COLL], STR, strings::concat),
    pure("contains", &[STR, STR], BOOL, strings::contains),
    pure("count", &[COUNTED], NUM, aggregates::count),
    pure("div", &[NUM, NUM], NUM, arithmetic::div),
    pure("endswith", &[STR, STR], BOOL, strings::endswith),
    pure("eq", &[ANY, ANY], BOOL, comparison::eq),
    pure("equal", &[ANY, ANY], BOOL, comparison::eq),
    pure("floor", &[NUM], NUM, arithmetic::floor),
    pure("format_int", &[NUM, NUM], STR, strings::format_int),
    pure("glob.match", &[STR, ARR_NULL, STR], BOOL, glob::matches),
    pure("glob.quote_meta", &[STR], STR, glob::quote_meta),
    pure("gt", &[ANY, ANY], BOOL, comparison::gt),
    pure("gte", &[ANY, ANY], BOOL, comparison::gte),
    pure("hex.decode", &[STR], STR, encoding::hex_decode),
    pure("hex.encode", &[STR], STR, encoding::hex_encode),
    pure("indexof", &[STR, STR], NUM, strings::indexof),
    pure("indexof_n", &[STR, STR], ARR, strings::indexof_n),
    pure("internal.template_string", &[ARR], STR, term::template_string),
    pure("intersection", &[SET], SET, sets::intersection),
    pure("is_array", &[ANY], BOOL, types::is_array),
    pure("is_boolean", &[ANY], BOOL, types::is_boolean),
    pure("is_null", &[ANY], BOOL, types::is_null),
    pure("is_number", &[ANY], BOOL, types::is_number),
    pure("is_object", &[ANY], BOOL, types::is_object),
    pure("is_set", &[ANY], BOOL, types::is_set),
    pure("is_string", &[ANY], BOOL, types::is_string),
    pure("json.filter", &[OBJ, COLL], ANY, json_paths::filter),
    pure("json.is_valid", &[STR], BOOL, json::is_valid),
    pure("json.marshal", &[ANY], STR, json::marshal),
    pure("json.marshal_with_options", &[ANY, OBJ], STR, json::marshal_with_options),
    pure("json.patch", &[ANY, ARR], ANY, json_paths::patch),
    pure("json.remove", &[OBJ, COLL], ANY, json_paths::remove),
    pure("json.unmarshal", &[STR], ANY, json::unmarshal),
    pure("lower", &[STR], STR, strings::lower),
    pure("lt", &[ANY, ANY], BOOL, comparison::lt),
    pure("lte", &[ANY, ANY], BOOL, comparison::lte),
    pure("max", &[COLL], ANY, aggregates::max),
    pure("min", &[COLL], ANY, aggregates::min),
    pure("minus", &[NUM_SET, NUM_SET], NUM_SET, arithmetic::minus),
    pure("mul", &[NUM, NUM], NUM, arithmetic::mul),
    pure("neq", &[ANY, ANY], BOOL, comparison::neq),
    pure("numbers.range", &[NUM, NUM], ARR, arithmetic::range),
    pure("numbers.range_step", &[NUM, NUM, NUM], ARR, arithmetic::range_step),
    pure("object.filter", &[OBJ, KEYED], ANY, objects::filter),
    pure("object.get", &[OBJ, ANY, ANY], ANY, objects::get),
    pure("object.keys", &[OBJ], SET, objects::keys),
    pure("object.remove", &[OBJ, KEYED], ANY, objects::remove),
    pure("object.subset", &[KEYED, KEYED], ANY, objects::subset),
    pure("object.union", &[OBJ, OBJ], ANY, objects::union),
    pure("object.union_n", &[ARR], ANY, objects::union_n),
    pure("or", &[SET, SET], SET, sets::or),
    pure("plus", &[NUM, NUM], NUM, arithmetic::plus),
    pure("product", &[COLL], NUM, aggregates::product),
    contextual("rand.intn", &[STR, NUM], NUM, Kind::RandIntn),
    pure("regex.find_all_string_submatch_n", &[STR, STR, NUM], ARR, regex::find_all_string_submatch_n),
    pure("regex.find_n", &[STR, STR, NUM], ARR, regex::find_n),
    pure("regex.globs_match", &[STR, STR], BOOL, regex::globs_match),
    pure("regex.is_valid", &[STR], BOOL, regex::is_valid),
    pure("regex.match", &[STR, STR], BOOL, regex::matches),
    pure("regex.replace", &[STR, STR, STR], STR, regex::replace),
    pure("regex.split", &[STR, STR], ARR, regex::split),
    pure("regex.template_match", &[STR, STR, STR, STR], BOOL, regex::template_match),
    pure("rem", &[NUM, NUM], NUM, arithmetic::rem),
    pure("replace", &[STR, STR, STR], STR, strings::replace),
    pure("round", &[NUM], NUM, arithmetic::round),
    pure("semver.compare", &[STR, STR], NUM, versions::compare),
    pure("semver.is_valid", &[ANY], BOOL, versions::is_valid),
    pure("sort", &[COLL], ARR, aggregates::sort),
    pure("split", &[STR, STR], ARR, strings::split),
    pure("sprintf", &[STR, ARR], STR, sprintf::sprintf),
    pure("startswith", &[STR, STR], BOOL, strings::startswith),
    pure("strings.any_prefix_match", &[TEXTS, TEXTS], BOOL, strings::any_prefix_match),
    pure("strings.any_suffix_match", &[TEXTS, TEXTS], BOOL, strings::any_suffix_match),
    pure("strings.count", &[STR, STR], NUM, strings::count),
    pure("strings.render_template", &[STR, OBJ], STR, template::render),
    pure("strings.replace_n", &[OBJ, STR], STR, strings::replace_n),
    pure("strings.reverse", &[STR], STR, strings::reverse),
    pure("substring", &[STR, NUM, NUM], STR, strings::substring),
    pure("sum", &[COLL], NUM, aggregates::sum),
    pure("time.add_date", &[NUM, NUM, NUM, NUM], NUM, time::add_date),
    pure("time.clock", &[TIME], ARR, time::clock),
    pure("time.date", &[TIME], ARR, time::date),
    pure("time.diff", &[TIME, TIME], ARR, time::diff),
    pure("time.format", &[TIME], STR, time::format),
    contextual("time.now_ns", &[], NUM, Kind::NowNs),
    pure("time.parse_duration_ns", &[STR], NUM, time::parse_duration_ns),
    pure("time.parse_ns", &[STR, STR], NUM, time::parse_ns),
    pure("time.parse_rfc3339_ns", &[STR], NUM, time::parse_rfc3339_ns),
    pure("time.weekday", &[TIME], STR, time::weekday),
    pure("to_number", &[SCALAR], NUM, aggregates::to_number),
    pure("trim", &[STR, STR], STR, strings::trim),
    pure("trim_left", &[STR, STR], STR, strings::trim_left),
    pure("trim_prefix", &[STR, STR], STR, strings::trim_prefix),
    pure("trim_right", &[STR, STR], STR, strings::trim_right),
    pure("trim_space", &[STR], STR, strings::trim_space),
    pure("trim_suffix", &[STR, STR], STR, strings::trim_suffix),
    pure("type_name", &[ANY], STR, types::type_name),
    pure("union", &[SET], SET, sets::union),
    pure("units.parse", &[STR], NUM, units::parse),
    pure("units.parse_bytes", &[STR], NUM, units::parse_bytes),
    pure("upper", &[STR], STR, strings::upper),
    pure("urlquery.decode", &[STR], STR, encoding::urlquery_decode),
    pure("urlquery.decode_object", &[STR], OBJ, encoding::urlquery_decode_object),
    pure("urlquery.encode", &[STR], STR, encoding::urlquery_encode),
    pure("urlquery.encode_object", &[OBJ], STR, encoding::urlquery_encode_object),
    pure("uuid.parse", &[STR], OBJ, versions::uuid_parse),
    contextual("uuid.rfc4122", &[STR], STR, Kind::Uuid),
    pure("yaml.is_valid", &[STR], BOOL, yaml::is_valid),
    pure("yaml.marshal", &[ANY], STR, yaml_writer::marshal),
    pure("yaml.unmarshal", &[STR], ANY, yaml::unmarshal),
];

/// The function called `name`.
pub fn lookup(name: &str) -> Option<&'static Builtin> {
    TABLE.binary_search_by(|builtin| builtin.name.cmp(name)).ok().map(|index| &TABLE[index])
}

/// What OPA has and buildx does not give to a policy: deprecated functions, which Rego v1 has no more, and what reaches
/// outside.
#[rustfmt::skip]
static REFUSED: [&str; 69] = [
    "all", "any", "cast_array", "cast_boolean", "cast_null", "cast_object", "cast_set", "cast_string",
    "crypto.hmac.equal", "crypto.hmac.md5", "crypto.hmac.sha1", "crypto.hmac.sha256", "crypto.hmac.sha512",
    "crypto.md5", "crypto.parse_private_keys", "crypto.sha1", "crypto.sha256",
    "crypto.x509.parse_and_verify_certificates", "crypto.x509.parse_and_verify_certificates_with_options",
    "crypto.x509.parse_certificate_request", "crypto.x509.parse_certificates", "crypto.x509.parse_keypair",
    "crypto.x509.parse_rsa_private_key", "graph.reachable", "graph.reachable_paths", "graphql.is_valid",
    "graphql.parse", "graphql.parse_and_verify", "graphql.parse_query", "graphql.parse_schema",
    "graphql.schema_is_valid", "http.send", "internal.test_case", "io.jwt.decode", "io.jwt.decode_verify",
    "io.jwt.encode_sign", "io.jwt.encode_sign_raw", "io.jwt.verify_eddsa", "io.jwt.verify_es256",
    "io.jwt.verify_es384", "io.jwt.verify_es512", "io.jwt.verify_hs256", "io.jwt.verify_hs384",
    "io.jwt.verify_hs512", "io.jwt.verify_ps256", "io.jwt.verify_ps384", "io.jwt.verify_ps512",
    "io.jwt.verify_rs256", "io.jwt.verify_rs384", "io.jwt.verify_rs512", "json.match_schema",
    "json.verify_schema", "net.cidr_contains", "net.cidr_contains_matches", "net.cidr_expand",
    "net.cidr_intersects", "net.cidr_is_valid", "net.cidr_merge", "net.cidr_overlap", "net.lookup_ip_addr",
    "opa.runtime", "providers.aws.sign_req", "re_match", "rego.metadata.chain", "rego.metadata.rule",
    "rego.parse_module", "set_diff", "trace", "walk",
];

/// Operators, by the functions that they call.
const OPERATORS: [(&str, &str); 14] = [
    ("and", "&"),
    ("div", "/"),
    ("eq", "="),
    ("equal", "=="),
    ("gt", ">"),
    ("gte", ">="),
    ("lt", "<"),
    ("lte", "<="),
    ("minus", "-"),
    ("mul", "*"),
    ("neq", "!="),
    ("or", "|"),
    ("plus", "+"),
    ("rem", "%"),
];

impl Builtin {
    /// The operator that calls it, if one does.
    pub fn operator(&self) -> Option<&'static str> {
        OPERATORS.iter().find(|(name, _)| *name == self.name).map(|(_, operator)| *operator)
    }
}

/// Whether `name` is a function of OPA that is not available to a policy.
pub fn is_refused(name: &str) -> bool {
    REFUSED.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_is_that_of_a_function() {
        let known = |name: &str| lookup(name).is_some_and(|builtin| builtin.arity == 2);
        assert!(OPERATORS.iter().all(|(name, _)| known(name)));
    }
}
