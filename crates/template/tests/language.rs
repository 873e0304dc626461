//! The language as Go has it: text made, and sentences of errors.
#![allow(clippy::unwrap_used, reason = "all of it is tests, helpers included")]

use corten_template::{Field, Function, Functions, Json, Missing, Param, StructType, Template, Type, Value};

fn try_render(text: &str, json: &str, of: Type, missing: Missing) -> Result<String, String> {
    let functions = Functions::docker();
    let template = Template::parse("", text, &functions).map_err(|error| error.to_string())?;
    let json = Json::parse(json).unwrap();
    template
        .execute(&of.value(&json), &functions, missing)
        .map_err(|error| error.to_string())
}

/// With data as a Go program would have it that decoded JSON without a type.
fn render(text: &str, json: &str) -> String {
    try_render(text, json, Type::Any, Missing::NoValue).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn complaint(text: &str, json: &str) -> String {
    try_render(text, json, Type::Any, Missing::NoValue).unwrap_err()
}

const DATA: &str = r#"{"a":1,"s":"text","l":["x","y","z"],"m":{"k":"v","b":"c"},"n":null,"t":true,"f":1.5,
    "deep":{"list":[{"n":"one"},{"n":"two"}]},"empty":[],"big":1000000,"html":"<a href=\"x\">'&'</a>"}"#;

#[track_caller]
fn all(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(render(text, DATA), *expected, "{text}");
    }
}

#[test]
fn text_comments_and_trimming() {
    all(&[
        ("plain", "plain"),
        ("a{{/* no */}}b", "ab"),
        ("a {{- /* no */ -}} b", "ab"),
        ("a  {{- .s -}}  b", "atextb"),
        ("a\n{{- .s}}\n", "atext\n"),
        ("{{.s -}}\n\t x", "textx"),
        ("{{- -3 -}}", "-3"),
        ("{{\"}}\"}}", "}}"),
        ("{{`raw\\n`}}", "raw\\n"),
        ("{{\n.s\n}}", "text"),
    ]);
}

#[test]
fn values_as_go_prints_them() {
    all(&[
        (
            "{{.a}} {{.f}} {{.big}} {{.t}} {{.n}} {{.none}}",
            "1 1.5 1e+06 true <no value> <no value>",
        ),
        ("{{.l}} {{.m}} {{.empty}}", "[x y z] map[b:c k:v] []"),
        ("{{.deep}}", "map[list:[map[n:one] map[n:two]]]"),
        ("{{println .n}}", "<nil>\n"),
        ("{{print 1 2 \"x\" 3}}", "1 2x3"),
        ("{{print}}{{println}}", "\n"),
        ("{{println \"a\" 1 true}}", "a 1 true\n"),
        (
            "{{1}} {{0x1F}} {{1e3}} {{'a'}} {{1.50}} {{0b11}} {{1_000}}",
            "1 31 1000 97 1.5 3 1000",
        ),
        ("{{.m.none}}", "<no value>"),
        ("{{.none.more}}", "<no value>"),
        (
            "{{.}}{{with .s}}{{.}}{{end}}",
            &format!("{}text", render("{{.}}", DATA)),
        ),
    ]);
    assert_eq!(
        try_render(
            "{{.x}} {{json .}} {{len .y}}",
            r#"{"y":[1,2], "x":12345678901234567890123}"#,
            Type::Any,
            Missing::Error
        )
        .unwrap(),
        r#"1.2345678901234568e+22 {"x":1.2345678901234568e+22,"y":[1,2]} 2"#
    );
    let raw = Json::parse(r#"{"y":1e6, "x":12345678901234567890123}"#)
        .unwrap()
        .raw();
    let functions = Functions::docker();
    let template = Template::parse("", "{{.x}} {{.y}} {{json .}}", &functions).unwrap();
    assert_eq!(
        template.execute(&raw, &functions, Missing::Error).unwrap(),
        r#"12345678901234567890123 1e6 {"x":12345678901234567890123,"y":1e6}"#
    );
}

#[test]
fn control() {
    all(&[
        ("{{if .t}}y{{else}}n{{end}}", "y"),
        ("{{if .n}}y{{else}}n{{end}}", "n"),
        ("{{if .empty}}y{{else if .s}}z{{else}}n{{end}}", "z"),
        (
            "{{if 0}}{{else if 0.0}}{{else if \"\"}}{{else if false}}{{else}}none{{end}}",
            "none",
        ),
        ("{{with .m}}{{.k}}{{end}}", "v"),
        ("{{with .none}}x{{else with .s}}{{.}}{{else}}z{{end}}", "text"),
        ("{{with $x := .s}}{{$x}}{{$.a}}{{end}}", "text1"),
        ("{{range .l}}{{.}},{{end}}", "x,y,z,"),
        ("{{range $i, $e := .l}}{{$i}}={{$e}} {{end}}", "0=x 1=y 2=z "),
        ("{{range $e := .l}}{{$e}}{{end}}", "xyz"),
        ("{{range $k, $v := .m}}{{$k}}{{$v}};{{end}}", "bc;kv;"),
        (
            "{{range .empty}}x{{else}}none{{end}}{{range .n}}x{{else}}none{{end}}",
            "nonenone",
        ),
        ("{{range 3}}{{.}}{{end}}{{range $i := 2}}{{$i}}{{end}}", "01201"),
        ("{{range .l}}{{if eq . \"y\"}}{{break}}{{end}}{{.}}{{end}}", "x"),
        (
            "{{range .l}}{{if eq . \"y\"}}{{continue}}{{end}}{{.}}{{end}}",
            "xz",
        ),
        ("{{range .deep.list}}{{.n}} {{end}}", "one two "),
        (
            "{{$x := 1}}{{if true}}{{$x = 2}}{{$y := 3}}{{$y}}{{end}}{{$x}}",
            "32",
        ),
        (
            "{{$x := \"\"}}{{range .l}}{{$x = print $x .}}{{end}}{{$x}}",
            "xyz",
        ),
        (
            "{{$i := 0}}{{$v := 0}}{{range $i, $v = .l}}{{end}}{{$i}}{{$v}}",
            "2z",
        ),
        ("{{range .l}}{{range $.l}}{{break}}{{end}}{{.}}{{end}}", "xyz"),
    ]);
}

#[test]
fn templates() {
    all(&[
        (
            "{{define \"t\"}}<{{.}}>{{end}}{{template \"t\" .s}}{{template \"t\"}}",
            "<text><<no value>>",
        ),
        ("{{block \"b\" .l}}{{index . 0}}{{end}}", "x"),
        ("{{define `x`}}{{$}}{{end}}{{$y := 5}}{{template `x` $y}}", "5"),
        (
            "{{define \"count\"}}{{if .}}{{len .}}{{template \"count\" (slice . 1)}}{{end}}{{end}}{{template \"count\" .l}}",
            "321",
        ),
    ]);
    assert_eq!(
        complaint(
            "{{define \"r\"}}{{template \"r\"}}{{end}}{{template \"r\"}}",
            "{}"
        ),
        "template: :1:25: executing \"r\" at <{{template \"r\"}}>: exceeded maximum template depth (10000)"
    );
    assert_eq!(
        complaint("{{template \"none\"}}", "{}"),
        "template: :1:11: executing \"\" at <{{template \"none\"}}>: template \"none\" not defined"
    );
}

#[test]
fn pipelines_and_functions() {
    all(&[
        ("{{.s | upper | printf \"%s!\"}}", "TEXT!"),
        ("{{(index .deep.list 1).n}}", "two"),
        (
            "{{index .m \"k\"}}{{index .l 2}}{{index .m \"none\"}}",
            "vz<no value>",
        ),
        ("{{index .deep.list 0 \"n\"}}", "one"),
        (
            "{{slice .s 1 3}}{{slice .l 1}}{{len .l}}{{len .m}}{{len .s}}",
            "ex[y z]324",
        ),
        (
            "{{and .t .s}}{{and .n .s}}{{or .n .s}}{{or .n 0}}",
            "text<no value>text0",
        ),
        (
            "{{and false (index .l 99)}}{{or true (index .l 99)}}",
            "falsetrue",
        ),
        ("{{not .n}}{{not .s}}{{.t | not}}", "truefalsefalse"),
        (
            "{{eq .s \"a\" \"text\"}}{{ne 1 2}}{{lt 1 2}}{{le 2 2}}{{gt 1.5 1.0}}{{ge \"b\" \"a\"}}",
            "truetruetruetruetruetrue",
        ),
        ("{{eq .n nil}}{{eq nil .s}}", "truefalse"),
        ("{{join (split \"a,b,c\" \",\") \"-\"}}", "a-b-c"),
        (
            "{{title \"hello docker-world\"}}{{lower \"ABC\"}}{{pad \"x\" 1 2}}|{{truncate \"abcdef\" 3}}",
            "Hello Docker-Worldabc x  |abc",
        ),
        (
            "{{json .m}}{{json .l}}{{json .n}}{{json .html}}",
            r#"{"b":"c","k":"v"}["x","y","z"]null"<a href=\"x\">'&'</a>""#,
        ),
        (
            "{{html .html}}",
            "&lt;a href=&#34;x&#34;&gt;&#39;&amp;&#39;&lt;/a&gt;",
        ),
        (
            "{{js .html}}",
            "\\u003Ca href\\u003D\\\"x\\\"\\u003E\\'\\u0026\\'\\u003C/a\\u003E",
        ),
        (
            "{{urlquery \"a b&c/ä\"}}{{html .none}}",
            "a+b%26c%2F%C3%A4&lt;no value&gt;",
        ),
        ("{{print (len .l) | printf \"%03s\"}}", "003"),
        ("{{with index .l 0}}{{.}}{{end}}", "x"),
        ("{{$.s}}{{$x := .m}}{{$x.k}}", "textv"),
    ]);
}

#[test]
fn formats() {
    all(&[
        (
            "{{printf \"%d|%5d|%-5d|%05d|%+d|%x|%X|%o|%b|%c|%q|%U|%#x\" 42 42 42 42 42 42 42 42 42 42 42 42 42}}",
            "42|   42|42   |00042|+42|2a|2A|52|101010|*|'*'|U+002A|0x2a",
        ),
        (
            "{{printf \"%s|%10s|%-10s|%q|%x|%.2s|%v|%+q\" \"text\" \"text\" \"text\" \"text\" \"text\" \"text\" \"text\" \"ä\"}}",
            "text|      text|text      |\"text\"|74657874|te|text|\"\\u00e4\"",
        ),
        (
            "{{printf \"%f|%.2f|%8.3f|%e|%g|%v\" 1.5 1.5 1.5 1.5 1.5 1.5}}",
            "1.500000|1.50|   1.500|1.500000e+00|1.5|1.5",
        ),
        (
            "{{printf \"%t|%v|%T|%T|%T|%T|%T\" true nil nil 1 \"s\" .l .m}}",
            "true|<nil>|<nil>|int|string|[]interface {}|map[string]interface {}",
        ),
        (
            "{{printf \"%v|%q|%s|%d\" .l .l .l .l}}",
            "[x y z]|[\"x\" \"y\" \"z\"]|[x y z]|[%!d(string=x) %!d(string=y) %!d(string=z)]",
        ),
        (
            "{{printf \"%d %s %z\" \"x\" 1 2}}",
            "%!d(string=x) %!s(int=1) %!z(int=2)",
        ),
        ("{{printf \"%d %d\" 1}}", "1 %!d(MISSING)"),
        ("{{printf \"%d\" 1 2}}", "1%!(EXTRA int=2)"),
        ("{{printf \"100%%\"}}{{printf \"%\"}}", "100%%!(NOVERB)"),
        (
            "{{printf \"%[2]d %[1]d\" 1 2}}{{printf \"%*d\" 5 1}}{{printf \"%-*d|\" 3 1}}",
            "2 1    11  |",
        ),
        (
            "{{printf \"%s\" nil}}{{printf \"%d\" nil}}",
            "%!s(<nil>)%!d(<nil>)",
        ),
        (
            "{{printf \"%#v %#v %#v\" \"x\" .l .m}}",
            "\"x\" []interface {}{\"x\", \"y\", \"z\"} map[string]interface {}{\"b\":\"c\", \"k\":\"v\"}",
        ),
        (
            "{{printf \"%6.2f|%-8s|%8s|\" 3.14159 \"ab\" \"cd\"}}",
            "  3.14|ab      |      cd|",
        ),
        ("{{printf \"%v\" .deep}}", "map[list:[map[n:one] map[n:two]]]"),
    ]);
}

#[test]
fn sentences_of_the_parser() {
    for (text, sentence) in [
        ("{{", "unclosed action"),
        ("{{.X", "unclosed action"),
        ("a\n{{.X\n", "unclosed action started at :2"),
        ("{{foo}}", "function \"foo\" not defined"),
        ("{{foo .X}}", "function \"foo\" not defined"),
        ("{{}}", "missing value for command"),
        ("{{if}}{{end}}", "missing value for if"),
        ("{{if .X}}", "unexpected EOF"),
        ("{{end}}", "unexpected {{end}}"),
        ("{{else}}", "unexpected {{else}}"),
        ("{{$x}}", "undefined variable \"$x\""),
        ("{{$x, $y := .}}", "too many declarations in command"),
        ("{{\"x}}", "unterminated quoted string"),
        ("{{`x}}", "unterminated raw quoted string"),
        ("{{'x}}", "unterminated character constant"),
        ("{{/* x}}", "unclosed comment"),
        ("{{/* x */ y}}", "comment ends before closing delimiter"),
        ("{{(.X}}", "unclosed left paren"),
        ("{{.X)}}", "unexpected right paren"),
        ("{{.X#}}", "bad character U+0023 '#'"),
        ("{{1x}}", "bad number syntax: \"1x\""),
        ("{{.X | 1}}", "non executable command in pipeline stage 2"),
        ("{{break}}", "{{break}} outside {{range}}"),
        (
            "{{range .X}}{{else}}{{else}}{{end}}",
            "expected end; found {{else}}",
        ),
        ("{{template x}}", "unexpected \"x\" in template clause"),
        ("{{define \"x\"}}", "unexpected EOF"),
        (
            "{{if .X}}{{define \"x\"}}{{end}}{{end}}",
            "unexpected <define> in command",
        ),
        ("{{1.x}}", "bad number syntax: \"1.x\""),
        ("{{\"s\".X}}", "unexpected . after term \"\\\"s\\\"\""),
        ("{{.X:}}", "expected :="),
        (
            "{{99999999999999999999}}",
            "integer overflow: \"99999999999999999999\"",
        ),
        ("{{.X \u{1}}}", "unrecognized character in action: U+0001"),
        (
            "{{range $a, 1 := .}}{{end}}",
            "range can only initialize variables",
        ),
        (
            "{{define \"a\"}}x{{end}}{{define \"a\"}}y{{end}}",
            "template: multiple definition of template \"a\"",
        ),
    ] {
        let error = complaint(text, "{}");
        let (_, said) = error.split_once(": ").unwrap();
        let (_, said) = said.split_once(": ").unwrap();
        assert_eq!(said, sentence, "{text}");
        assert!(error.starts_with("template: :"), "{error}");
    }
}

#[test]
fn sentences_of_the_execution() {
    for (text, sentence) in [
        (
            "{{.s.x}}",
            ":1:4: executing \"\" at <.s.x>: can't evaluate field x in type interface {}",
        ),
        (
            "{{.n.x}}",
            ":1:4: executing \"\" at <.n.x>: nil pointer evaluating interface {}.x",
        ),
        (
            "x\ny{{index .l 5}}",
            ":2:3: executing \"\" at <index .l 5>: error calling index: index out of range: 5",
        ),
        (
            "{{index .l 3}}",
            ":1:2: executing \"\" at <index .l 3>: error calling index: reflect: slice index out of range",
        ),
        (
            "{{index .l \"x\"}}",
            ":1:2: executing \"\" at <index .l \"x\">: error calling index: cannot index slice/array with type string",
        ),
        (
            "{{index .n 1}}",
            ":1:2: executing \"\" at <index .n 1>: error calling index: index of untyped nil",
        ),
        (
            "{{len 3}}",
            ":1:2: executing \"\" at <len 3>: error calling len: len of type int",
        ),
        (
            "{{lower 3}}",
            ":1:8: executing \"\" at <3>: expected string; found 3",
        ),
        (
            "{{lower .l}}",
            ":1:8: executing \"\" at <.l>: wrong type for value; expected string; got []interface {}",
        ),
        (
            "{{lower}}",
            ":1:2: executing \"\" at <lower>: wrong number of args for lower: want 1 got 0",
        ),
        (
            "{{range .s}}{{end}}",
            ":1:8: executing \"\" at <.s>: range can't iterate over text",
        ),
        (
            "{{.l 1}}",
            ":1:2: executing \"\" at <.l>: l is not a method but has arguments",
        ),
        (
            "{{eq .l .l}}",
            ":1:2: executing \"\" at <eq .l .l>: error calling eq: non-comparable type [x y z]: []interface {}",
        ),
        (
            "{{eq 1 1.0}}",
            ":1:2: executing \"\" at <eq 1 1.0>: error calling eq: incompatible types for comparison",
        ),
        (
            "{{lt true false}}",
            ":1:2: executing \"\" at <lt true false>: error calling lt: invalid type for comparison",
        ),
        ("{{nil}}", ":1:2: executing \"\" at <nil>: nil is not a command"),
        (
            "{{call .s}}",
            ":1:2: executing \"\" at <call .s>: error calling call: non-function text of type string",
        ),
        (
            "{{3 4}}",
            ":1:2: executing \"\" at <3>: can't give argument to non-function 3",
        ),
    ] {
        let error = complaint(text, DATA);
        assert_eq!(error, format!("template: {sentence}"), "{text}");
    }
    assert_eq!(
        try_render("{{.none}}", "{}", Type::Any, Missing::Error).unwrap_err(),
        "template: :1:2: executing \"\" at <.none>: map has no entry for key \"none\""
    );
}

static INNER: StructType = StructType {
    name: "x.Inner",
    fields: &[Field::new("A", Type::Text), Field::new("B", Type::Int)],
};
static BASE: StructType = StructType {
    name: "x.Base",
    fields: &[Field::new("Deep", Type::Text)],
};
static OUTER: StructType = StructType {
    name: "x.Outer",
    fields: &[
        Field::named("ID", "Id", Type::Text),
        Field::new("In", Type::Struct(&INNER)),
        Field::new("P", Type::Pointer(&Type::Struct(&INNER))),
        Field::new("L", Type::List(&Type::Struct(&INNER))),
        Field::new("M", Type::Map("string", &Type::Text)),
        Field::new("K", Type::Map("x.Key", &Type::Text)),
        Field::new("T", Type::Time),
        Field::new("D", Type::Duration),
        Field::embedded("Base", Type::Struct(&BASE)),
        Field::new("N", Type::Pointer(&Type::Int)),
    ],
};

#[test]
fn typed_values() {
    const OF: Type = Type::Struct(&OUTER);
    let of = Type::Pointer(&OF);
    let json = r#"{"Id":"i","In":{"A":"x","B":2},"L":[{"A":"y"}],"M":{"k":"v"},"K":{"k":"v"},"T":"2024-01-02T03:04:05.120Z","D":90500000000,"Deep":"d"}"#;
    let render = |text: &str| try_render(text, json, of, Missing::NoValue);
    for (text, expected) in [
        (
            "{{.ID}} {{.In}} {{.P}} {{.L}} {{.M}} {{.N}}",
            "i {x 2} <nil> [{y 0}] map[k:v] <nil>",
        ),
        (
            "{{.T}} {{.D}} {{json .D}}",
            "2024-01-02 03:04:05.12 +0000 UTC 1m30.5s 90500000000",
        ),
        ("{{.Deep}} {{.Base}}", "d {d}"),
        (
            "{{json .In}} {{json .P}} {{json .T}}",
            r#"{"A":"x","B":2} null "2024-01-02T03:04:05.120Z""#,
        ),
        ("{{index .M \"none\"}}|{{.M.none}}", "|<no value>"),
        ("{{printf \"%+v %T\" .In .L}}", "{A:x B:2} []x.Inner"),
        ("{{if .P}}{{.P.A}}{{else}}nil{{end}}", "nil"),
        ("{{if eq .In.B 2}}two{{end}}", "two"),
        ("{{with .In}}{{.A}}{{end}}", "x"),
    ] {
        assert_eq!(render(text).unwrap(), expected, "{text}");
    }
    for (text, sentence) in [
        (
            "{{.Id}}",
            ":1:2: executing \"\" at <.Id>: can't evaluate field Id in type *x.Outer",
        ),
        (
            "{{.P.A}}",
            ":1:4: executing \"\" at <.P.A>: nil pointer evaluating *x.Inner.A",
        ),
        (
            "{{.In.X}}",
            ":1:5: executing \"\" at <.In.X>: can't evaluate field X in type x.Inner",
        ),
        (
            "{{index .K \"k\"}}",
            ":1:2: executing \"\" at <index .K \"k\">: error calling index: value has type string; should be x.Key",
        ),
        (
            "{{range .In}}{{end}}",
            ":1:8: executing \"\" at <.In>: range can't iterate over {x 2}",
        ),
    ] {
        assert_eq!(
            render(text).unwrap_err(),
            format!("template: {sentence}"),
            "{text}"
        );
    }
}

#[test]
fn own_functions() {
    let mut functions = Functions::builtin();
    functions.add(
        "secret",
        Function::new(&[Param::Text], |args| match &args[0] {
            Value::Text(name) if **name == *"known" => Ok(Value::text("value")),
            other => Err(format!(
                "secret target {} not found",
                corten_template::quote(&format!("{other:?}"))
            )),
        }),
    );
    let template = Template::parse("expansion", "{{secret \"known\"}}", &functions).unwrap();
    assert_eq!(
        template
            .execute(&Value::Missing, &functions, Missing::NoValue)
            .unwrap(),
        "value"
    );
    let template = Template::parse("expansion", "{{secret \"other\"}}", &functions).unwrap();
    let error = template
        .execute(&Value::Missing, &functions, Missing::NoValue)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(
            "template: expansion:1:2: executing \"expansion\" at <secret \"other\">: error calling secret:"
        ),
        "{error}"
    );
}

#[test]
fn fields_that_are_mentioned() {
    let template = Template::parse(
        "",
        "{{range .A}}{{.B.C | json}}{{end}}{{if (index .D 1).E}}{{$.F}}{{json .}}{{end}}",
        &Functions::docker(),
    )
    .unwrap();
    assert_eq!(template.fields(), ["A", "B", "D", "E", "F", "."]);
}

/// Nothing makes it panic, hang, or fill the memory.
#[test]
fn survives_nonsense() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    for text in [
        deep("{{if 1}}", "{{end}}"),
        format!("{{{{{}}}}}", deep("(", ")")),
        "{{if 1}}x{{else ".repeat(10_000),
        "{{$x := \"aaaaaaaaaaaaaaaa\"}}{{range 100}}{{$x = print $x $x}}{{end}}".to_owned(),
        "{{printf \"%1000000d%1000000d\" 1 2 | printf \"%1000000s%s%s%s%s%s\" \"\" }}".to_owned(),
        "{{range 999999999999999999}}x{{end}}".to_owned(),
        "{{pad \"x\" 9999999999 1}}".to_owned(),
        "{{define \"a\"}}{{template \"b\"}}{{end}}{{define \"b\"}}{{if 1}}{{template \"a\"}}{{end}}{{end}}{{template \"a\"}}".to_owned(),
        "{{template \"\" .}}".to_owned(),
    ] {
        let _ = try_render(&text, "{}", Type::Any, Missing::NoValue);
    }
    // Every prefix, every deletion and every doubling of a character of something that uses everything.
    let seed = "{{- /* c */ -}}{{define \"t\"}}{{.}}{{end}}{{range $i, $e := .l}}{{if eq $e `y` \"z\"}}{{break}}{{else if lt $i -1}}\
        {{continue}}{{end}}{{template \"t\" $e}}{{else}}n{{end}}{{with (index .deep.list 0).n}}{{. | printf \"%-*.3[1]s|%q\" 'a' 1.5e3}}\
        {{else}}{{end}}{{$x := 0x1p-2}}{{$x = len .m}}{{slice .s 1 2 | html}}{{json .}}{{block \"b\" .}}{{$.a}}{{end}}";
    let chars: Vec<char> = seed.chars().collect();
    for at in 0..chars.len() {
        let before: String = chars[..at].iter().collect();
        let after: String = chars[at + 1..].iter().collect();
        for text in [
            before.clone(),
            format!("{before}{after}"),
            format!("{before}{0}{0}{after}", chars[at]),
            format!("{before}ä\u{0}{after}"),
        ] {
            let _ = try_render(&text, DATA, Type::Any, Missing::NoValue);
        }
    }
}
