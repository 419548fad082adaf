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
const NUM_SET: Types = NUM.or(SET);
const COLL: Types = ARR.or(SET);
const KEYED: Types = COLL.or(OBJ);
const COUNTED: Types = KEYED.or(STR);
const TEXTS: Types = COLL.or(STR);
const TIME: Types = NUM.or(ARR);
const ARR_NULL: Types = ARR.or(Types::NULL);
const SCALAR: Types = NUM.or(STR).or(Types::BOOLEAN).or(Types::NULL);

const fn pure(
    name: &'static str,
    args: &'static [Types],
    call: fn(&[regorus::Value]) -> super::Result,
) -> Builtin {
    Builtin { name, arity: args.len(), args, kind: Kind::Pure, call }
}

/// A function that only the evaluator can answer; called directly, it fails.
const fn contextual(name: &'static str, args: &'static [Types], kind: Kind) -> Builtin {
    Builtin {
        name,
        arity: args.len(),
        args,
        kind,
        call: |_| super::operands::failed("only the evaluator can call this"),
    }
}

/// Every function that a policy may call, by name, sorted. `print`, `:=`, `in` and template strings' parts are
/// syntax, and the evaluator's business.
#[rustfmt::skip]
pub static TABLE: [Builtin; 139] = [
    pure("abs", &[NUM], arithmetic::abs),
    pure("all", &[COLL], aggregates::all),
    pure("and", &[SET, SET], sets::and),
    pure("any", &[COLL], aggregates::any),
    pure("array.concat", &[ARR, ARR], aggregates::concat),
    pure("array.flatten", &[ARR], aggregates::flatten),
    pure("array.reverse", &[ARR], aggregates::reverse),
    pure("array.slice", &[ARR, NUM, NUM], aggregates::slice),
    pure("base64.decode", &[STR], encoding::base64_decode),
    pure("base64.encode", &[STR], encoding::base64_encode),
    pure("base64.is_valid", &[STR], encoding::base64_is_valid),
    pure("base64url.decode", &[STR], encoding::base64url_decode),
    pure("base64url.encode", &[STR], encoding::base64url_encode),
    pure("base64url.encode_no_pad", &[STR], encoding::base64url_encode_no_pad),
    pure("bits.and", &[NUM, NUM], arithmetic::bits_and),
    pure("bits.lsh", &[NUM, NUM], arithmetic::bits_lsh),
    pure("bits.negate", &[NUM], arithmetic::bits_negate),
    pure("bits.or", &[NUM, NUM], arithmetic::bits_or),
    pure("bits.rsh", &[NUM, NUM], arithmetic::bits_rsh),
    pure("bits.xor", &[NUM, NUM], arithmetic::bits_xor),
    pure("cast_array", &[ANY], types::cast_array),
    pure("cast_boolean", &[ANY], types::cast_boolean),
    pure("cast_null", &[ANY], types::cast_null),
    pure("cast_object", &[ANY], types::cast_object),
    pure("cast_set", &[ANY], types::cast_set),
    pure("cast_string", &[ANY], types::cast_string),
    pure("ceil", &[NUM], arithmetic::ceil),
    pure("concat", &[STR, COLL], strings::concat),
    pure("contains", &[STR, STR], strings::contains),
    pure("count", &[COUNTED], aggregates::count),
    pure("div", &[NUM, NUM], arithmetic::div),
    pure("endswith", &[STR, STR], strings::endswith),
    pure("eq", &[ANY, ANY], comparison::eq),
    pure("equal", &[ANY, ANY], comparison::eq),
    pure("floor", &[NUM], arithmetic::floor),
    pure("format_int", &[NUM, NUM], strings::format_int),
    pure("glob.match", &[STR, ARR_NULL, STR], glob::matches),
    pure("glob.quote_meta", &[STR], glob::quote_meta),
    pure("gt", &[ANY, ANY], comparison::gt),
    pure("gte", &[ANY, ANY], comparison::gte),
    pure("hex.decode", &[STR], encoding::hex_decode),
    pure("hex.encode", &[STR], encoding::hex_encode),
    pure("indexof", &[STR, STR], strings::indexof),
    pure("indexof_n", &[STR, STR], strings::indexof_n),
    pure("internal.template_string", &[ARR], term::template_string),
    pure("intersection", &[SET], sets::intersection),
    pure("is_array", &[ANY], types::is_array),
    pure("is_boolean", &[ANY], types::is_boolean),
    pure("is_null", &[ANY], types::is_null),
    pure("is_number", &[ANY], types::is_number),
    pure("is_object", &[ANY], types::is_object),
    pure("is_set", &[ANY], types::is_set),
    pure("is_string", &[ANY], types::is_string),
    pure("json.filter", &[OBJ, COLL], json_paths::filter),
    pure("json.is_valid", &[STR], json::is_valid),
    pure("json.marshal", &[ANY], json::marshal),
    pure("json.marshal_with_options", &[ANY, OBJ], json::marshal_with_options),
    pure("json.patch", &[ANY, ARR], json_paths::patch),
    pure("json.remove", &[OBJ, COLL], json_paths::remove),
    pure("json.unmarshal", &[STR], json::unmarshal),
    pure("lower", &[STR], strings::lower),
    pure("lt", &[ANY, ANY], comparison::lt),
    pure("lte", &[ANY, ANY], comparison::lte),
    pure("max", &[COLL], aggregates::max),
    pure("min", &[COLL], aggregates::min),
    pure("minus", &[NUM_SET, NUM_SET], arithmetic::minus),
    pure("mul", &[NUM, NUM], arithmetic::mul),
    pure("neq", &[ANY, ANY], comparison::neq),
    pure("numbers.range", &[NUM, NUM], arithmetic::range),
    pure("numbers.range_step", &[NUM, NUM, NUM], arithmetic::range_step),
    pure("object.filter", &[OBJ, KEYED], objects::filter),
    pure("object.get", &[OBJ, ANY, ANY], objects::get),
    pure("object.keys", &[OBJ], objects::keys),
    pure("object.remove", &[OBJ, KEYED], objects::remove),
    pure("object.subset", &[KEYED, KEYED], objects::subset),
    pure("object.union", &[OBJ, OBJ], objects::union),
    pure("object.union_n", &[ARR], objects::union_n),
    pure("or", &[SET, SET], sets::or),
    pure("plus", &[NUM, NUM], arithmetic::plus),
    pure("product", &[COLL], aggregates::product),
    contextual("rand.intn", &[STR, NUM], Kind::RandIntn),
    pure("re_match", &[STR, STR], regex::matches),
    pure("regex.find_all_string_submatch_n", &[STR, STR, NUM], regex::find_all_string_submatch_n),
    pure("regex.find_n", &[STR, STR, NUM], regex::find_n),
    pure("regex.globs_match", &[STR, STR], regex::globs_match),
    pure("regex.is_valid", &[STR], regex::is_valid),
    pure("regex.match", &[STR, STR], regex::matches),
    pure("regex.replace", &[STR, STR, STR], regex::replace),
    pure("regex.split", &[STR, STR], regex::split),
    pure("regex.template_match", &[STR, STR, STR, STR], regex::template_match),
    pure("rem", &[NUM, NUM], arithmetic::rem),
    pure("replace", &[STR, STR, STR], strings::replace),
    pure("round", &[NUM], arithmetic::round),
    pure("semver.compare", &[STR, STR], versions::compare),
    pure("semver.is_valid", &[ANY], versions::is_valid),
    pure("set_diff", &[SET, SET], sets::set_diff),
    pure("sort", &[COLL], aggregates::sort),
    pure("split", &[STR, STR], strings::split),
    pure("sprintf", &[STR, ARR], sprintf::sprintf),
    pure("startswith", &[STR, STR], strings::startswith),
    pure("strings.any_prefix_match", &[TEXTS, TEXTS], strings::any_prefix_match),
    pure("strings.any_suffix_match", &[TEXTS, TEXTS], strings::any_suffix_match),
    pure("strings.count", &[STR, STR], strings::count),
    pure("strings.render_template", &[STR, OBJ], template::render),
    pure("strings.replace_n", &[OBJ, STR], strings::replace_n),
    pure("strings.reverse", &[STR], strings::reverse),
    pure("substring", &[STR, NUM, NUM], strings::substring),
    pure("sum", &[COLL], aggregates::sum),
    pure("time.add_date", &[NUM, NUM, NUM, NUM], time::add_date),
    pure("time.clock", &[TIME], time::clock),
    pure("time.date", &[TIME], time::date),
    pure("time.diff", &[TIME, TIME], time::diff),
    pure("time.format", &[TIME], time::format),
    contextual("time.now_ns", &[], Kind::NowNs),
    pure("time.parse_duration_ns", &[STR], time::parse_duration_ns),
    pure("time.parse_ns", &[STR, STR], time::parse_ns),
    pure("time.parse_rfc3339_ns", &[STR], time::parse_rfc3339_ns),
    pure("time.weekday", &[TIME], time::weekday),
    pure("to_number", &[SCALAR], aggregates::to_number),
    pure("trim", &[STR, STR], strings::trim),
    pure("trim_left", &[STR, STR], strings::trim_left),
    pure("trim_prefix", &[STR, STR], strings::trim_prefix),
    pure("trim_right", &[STR, STR], strings::trim_right),
    pure("trim_space", &[STR], strings::trim_space),
    pure("trim_suffix", &[STR, STR], strings::trim_suffix),
    pure("type_name", &[ANY], types::type_name),
    pure("union", &[SET], sets::union),
    pure("units.parse", &[STR], units::parse),
    pure("units.parse_bytes", &[STR], units::parse_bytes),
    pure("upper", &[STR], strings::upper),
    pure("urlquery.decode", &[STR], encoding::urlquery_decode),
    pure("urlquery.decode_object", &[STR], encoding::urlquery_decode_object),
    pure("urlquery.encode", &[STR], encoding::urlquery_encode),
    pure("urlquery.encode_object", &[OBJ], encoding::urlquery_encode_object),
    pure("uuid.parse", &[STR], versions::uuid_parse),
    contextual("uuid.rfc4122", &[STR], Kind::Uuid),
    pure("yaml.is_valid", &[STR], yaml::is_valid),
    pure("yaml.marshal", &[ANY], yaml_writer::marshal),
    pure("yaml.unmarshal", &[STR], yaml::unmarshal),
];

/// The function called `name`.
pub fn lookup(name: &str) -> Option<&'static Builtin> {
    TABLE.binary_search_by(|builtin| builtin.name.cmp(name)).ok().map(|index| &TABLE[index])
}

/// What OPA has and buildx does not give to a policy.
#[rustfmt::skip]
static REFUSED: [&str; 59] = [
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
    "opa.runtime", "providers.aws.sign_req", "rego.metadata.chain", "rego.metadata.rule",
    "rego.parse_module", "trace", "walk",
];

/// Whether `name` is a function of OPA that is not available to a policy.
pub fn is_refused(name: &str) -> bool {
    REFUSED.binary_search(&name).is_ok()
}
