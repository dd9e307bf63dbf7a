"""Random templates and random values for them. Most render; what does not is refused by jinja2 too."""

from random_chats import value

CONTEXT_NAMES = {
    "number": ["i", "j", "x", "y", "t", "b"],
    "text": ["s", "u", "w", "e", "k"],
    "list": ["l", "m", "n", "q"],
    "dict": ["d", "g", "o"],
    "any": ["z", "undef", "msgs"],
}


def context(r):
    number = lambda: r.choice([0, 1, 2, 3, -1, 7, 10, 100, 2.5, -0.5, 1e16, 1e-5, 3.0])
    word = lambda: r.choice(
        [
            "",
            "a",
            "abc",
            "Hello World",
            "  pad ",
            "ÄöÜ ß",
            "a,b,,c",
            "x\ny\r\nz\n",
            "日本語 text",
            "<&>\"'",
            "%s %d",
            "{} {0}",
            "123",
            "-4.5",
            "It's",
            "UPPER lower",
            "foo bar  baz",
            "aXbXc",
            "\\n",
            "ﬁ ǆ Σς İ",
        ]
    )
    return {
        "i": r.randint(-3, 12),
        "j": r.randint(0, 5),
        "x": number(),
        "y": number(),
        "t": True,
        "b": r.choice([True, False]),
        "s": word(),
        "u": word(),
        "w": word(),
        "e": "",
        "k": r.choice(["a", "b", "name"]),
        "l": [number() for _ in range(r.randint(0, 5))],
        "m": [word() for _ in range(r.randint(0, 4))],
        "n": [value(r, 1) for _ in range(r.randint(0, 4))],
        "q": [
            {"name": word(), "n": r.randint(0, 3), "role": r.choice(["user", "tool"])} for _ in range(r.randint(0, 4))
        ],
        "d": {r.choice(["a", "b", "c", "name", "items", "é"]): value(r, 1) for _ in range(r.randint(0, 4))},
        "g": {"a": {"b": [1, {"c": "deep"}]}, "k": None},
        "o": {"b": 2, "a": 1, "C": 3},
        "z": value(r),
        "msgs": [{"role": "user", "content": word()}, {"role": "assistant", "content": None}],
    }


ROUNDINGS = ["0, 'floor'", "1, 'ceil'", "method='ceil'"]
TOJSON = [
    "indent=2",
    "indent=0",
    "indent=none",
    "ensure_ascii=true",
    "sort_keys=true",
    "separators=(',', ':')",
    "true",
    "false, 4",
    "indent=1, sort_keys=true, separators=(';','=')",
    "''",
    "indent='--'",
]


class Templates:
    def __init__(self, r):
        self.r = r
        self.macros = 0
        self.in_loop = 0
        self.in_macro = 0

    def pick(self, *options):
        return self.r.choice(options)

    def integer(self):
        return str(self.r.choice([0, 1, 2, 3, 4, -1, -2, 5, 10]))

    def string(self):
        return self.r.choice(
            [
                "'a'",
                '"b c"',
                "''",
                "'ä\\n'",
                "'x' 'y'",
                "'\\u00e9'",
                "' '",
                "','",
                "'\\t|'",
                "'Hello'",
                "'%s'",
                "'{}'",
                "'name'",
                "'\\x41\\101'",
                '"it\'s"',
                "'\\\\'",
                "'a\nb'",
            ]
        )

    def name(self, kind):
        return self.r.choice(CONTEXT_NAMES[kind])

    def expr(self, depth, kind=None):
        r = self.r
        kind = kind if kind and r.random() < 0.93 else r.choice(["number", "text", "list", "dict", "bool", "any"])
        if depth <= 0:
            return self.leaf(kind)
        return getattr(self, kind)(depth)

    def leaf(self, kind):
        r = self.r
        if kind == "number":
            return self.pick(
                self.integer(),
                self.name("number"),
                self.pick("1.5", "2.0", "1e3", "1_000", "0.1", "7", "1e16", "123456789012"),
            )
        if kind == "text":
            return self.pick(self.string(), self.name("text"), self.name("text"))
        if kind == "list":
            return self.pick(
                self.name("list"),
                self.name("list"),
                "[]",
                "[1, 2, 3]",
                "['a', 'b']",
                "(1, 'x')",
                "range(4)",
                "()",
                "[1, 1.0, true, 'a', none]",
            )
        if kind == "dict":
            return self.pick(
                self.name("dict"),
                self.name("dict"),
                "{}",
                "{'a': 1, 'b': [2]}",
                "dict(a=1)",
                "{1: 2, none: 3, 'x': 1.50}",
            )
        if kind == "bool":
            return self.pick("true", "false", "True", "none", "None", "t", "b", self.name("any"))
        return self.pick(
            self.name("any"),
            "none",
            "undef.x" if r.random() < 0.1 else "z",
            "loop.index" if self.in_loop else "i",
            "g.a.b[1].c",
            "g['a']['b'][0]",
            "d.a",
            "d.items",
            "msgs[0].content",
            "msgs[-1]['content']",
            "q[0].name",
        )

    def number(self, depth):
        d = depth - 1
        e = lambda k=None: self.expr(d, k)
        return self.r.choice(
            [
                lambda: f"{e('number')} {self.pick('+', '-', '*', '/', '//', '%')} {e('number')}",
                lambda: f"({e('number')} {self.pick('+', '-', '*', '%', '//')} {e('number')})",
                lambda: f"-{self.leaf('number')}",
                lambda: f"+{self.leaf('number')}",
                lambda: f"{self.leaf('number')} ** {self.pick('2', '0', '3', '-1', '0.5')}",
                lambda: f"{e('list')}|length",
                lambda: f"{e('text')}|count",
                lambda: f"{e('list')}|sum",
                lambda: f"{e('number')}|abs",
                lambda: f"{e('number')}|int",
                lambda: f"{e('any')}|int({self.integer()})",
                lambda: f"{e('text')}|float",
                lambda: f"({e('number')})|round({self.pick('', '1', '2', *ROUNDINGS)})",
                lambda: f"{e('text')}.{self.pick('find', 'rfind', 'count', 'index')}({e('text')})",
                lambda: f"{e('list')}|{self.pick('min', 'max', 'first', 'last')}",
                lambda: f"{e('list')}[{self.integer()}]",
                lambda: f"{e('text')}|wordcount",
                lambda: f"q|sum(attribute='n')",
                lambda: f"{e('list')}.{self.pick('count', 'index')}({e()})",
                lambda: f"{e('any')}|default({self.integer()}{self.pick('', ', true', ', boolean=true')})",
                lambda: self.conditional(d, "number"),
                lambda: self.leaf("number"),
            ]
        )()

    def conditional(self, d, kind):
        if self.r.random() < 0.25:
            return f"({self.expr(d, kind)} if {self.expr(d, 'bool')})"
        return f"({self.expr(d, kind)} if {self.expr(d, 'bool')} else {self.expr(d, kind)})"

    def text(self, depth):
        d = depth - 1
        e = lambda k=None: self.expr(d, k)
        p = self.pick
        return self.r.choice(
            [
                lambda: f"{e('text')} + {e('text')}",
                lambda: f"{e()} ~ {e()}",
                lambda: f"({e('text')} ~ {e()} ~ {e('text')})",
                lambda: f"{self.leaf('text')} * {p('2', '0', '-1', 'j')}",
                lambda: f"({e('text')})|{p('upper', 'lower', 'title', 'capitalize', 'trim', 'string', 'e', 'escape', 'safe', 'reverse')}",
                lambda: f"{e('text')}|trim({self.string()})",
                lambda: f"({e('text')}).{p('upper', 'lower', 'title', 'capitalize', 'strip', 'lstrip', 'rstrip', 'swapcase', 'casefold')}()",
                lambda: f"({e('text')}).{p('strip', 'lstrip', 'rstrip', 'removeprefix', 'removesuffix')}({self.string()})",
                lambda: f"({e('text')}).replace({e('text')}, {e('text')}{p('', ', 1', ', 2', ', -1')})",
                lambda: f"({e('text')})|replace({e('text')}, {e('text')}{p('', ', 1', ', count=2')})",
                lambda: f"{e()}|tojson",
                lambda: f"{e()}|tojson({p(*TOJSON)})",
                lambda: f"({e('list')})|join({p('', self.string(), self.string())})",
                lambda: f"({e('text')}).join({e('list')})",
                lambda: f"q|join({self.string()}, attribute='name')",
                lambda: f"q|map(attribute='name')|join('|')",
                lambda: f"({e('text')})[{p('0', '-1', '1', 'i')}]",
                lambda: f"({e('text')})[{self.slice()}]",
                lambda: f"{e('text')}|indent({p('', '2', 'width=4, first=true', '2, true, true', '2, blank=true', chr(39) + '> ' + chr(39))})",
                lambda: f"{e('text')} % {e()}",
                lambda: f"'%s|%5d|%-6s|%05.1f' % ({e('text')}, {self.leaf('number')}, {e('text')}, {self.leaf('number')})",
                lambda: f"'{{}}-{{}}'.format({e()}, {e()})",
                lambda: f"'{{a}} {{0!r}} {{0:>8}}'.format({e('text')}, a={e()})",
                lambda: f"'%s %s'|format({e()}, {e()})",
                lambda: f"({e('text')})|default({self.string()}{p('', ', true')})",
                lambda: f"({e('text')}).zfill({p('2', '5')})",
                lambda: f"{e()}|string",
                lambda: f"strftime_now({p(chr(39) + '%Y-%m-%d' + chr(39), chr(39) + '%d %b %Y %H:%M:%S %j %A %B %p %%' + chr(39))})",
                lambda: f"({e('text')}).{p('center', 'ljust', 'rjust')}({p('3', '9', '8, ' + chr(39) + '*' + chr(39))})",
                lambda: f"({e('text')})|truncate({p('5', '5, true', '9, false, ' + chr(39) + '..' + chr(39), '3, true, ' + chr(39) + chr(39) + ', 0')})",
                lambda: f"({e('text')}).{p('expandtabs', 'swapcase')}()",
                lambda: f"{e('text')}|center({p('4', '11')})",
                lambda: f"{e('text')}|urlencode",
                lambda: f"{e('number')}|filesizeformat",
                lambda: f"{e('text')}|forceescape",
                lambda: self.conditional(d, "text"),
                lambda: self.leaf("text"),
            ]
        )()

    def slice(self):
        part = lambda: self.r.choice(["", "", "0", "1", "-1", "2", "-2", "j", "100", "-100", "none"])
        return self.pick(f"{part()}:{part()}", f"{part()}:{part()}:{self.pick('', '1', '-1', '2', '-2')}")

    def list(self, depth):
        d = depth - 1
        e = lambda k=None: self.expr(d, k)
        p = self.pick
        return self.r.choice(
            [
                lambda: f"[{', '.join(e() for _ in range(self.r.randint(0, 3)))}]",
                lambda: f"({e()}, {e()})",
                lambda: f"({e()},)",
                lambda: f"({e('list')})[{self.slice()}]",
                lambda: f"({e('list')} + {e('list')})",
                lambda: f"({e('text')}).split({p('', self.string(), chr(39) + ',' + chr(39) + ', 1', 'none, 1', 'maxsplit=1', 'sep=' + chr(39) + 'X' + chr(39))})",
                lambda: f"({e('text')}).rsplit({p('', self.string(), chr(39) + ',' + chr(39) + ', 1', 'none, 1')})",
                lambda: f"({e('text')}).{p('splitlines', 'partition', 'rpartition')}({p('', self.string())})",
                lambda: f"({e('text')})|list",
                lambda: f"({e('list')})|list",
                lambda: f"({e('dict')})|list",
                lambda: f"({e('list')})|{p('reverse', 'unique', 'sort')}|list",
                lambda: f"({e('list')})|sort({p('reverse=true', 'true', 'case_sensitive=true', 'false, true')})",
                lambda: f"q|sort(attribute={p(chr(39) + 'name' + chr(39), chr(39) + 'n' + chr(39), chr(39) + 'n,name' + chr(39))})",
                lambda: f"({e('list')})|map({p(*[chr(39) + f + chr(39) for f in ('upper', 'string', 'length', 'tojson', 'trim', 'int', 'abs')])})|list",
                lambda: f"({e('list')})|{p('select', 'reject')}({p('', *[chr(39) + t + chr(39) for t in ('string', 'number', 'defined', 'none', 'odd', 'mapping')], chr(39) + 'eq' + chr(39) + ', 1', chr(39) + 'in' + chr(39) + ', [1, ' + chr(39) + 'a' + chr(39) + ']')})|list",
                lambda: f"q|{p('selectattr', 'rejectattr')}({p(chr(39) + 'n' + chr(39), chr(39) + 'role' + chr(39) + ', ' + chr(39) + 'equalto' + chr(39) + ', ' + chr(39) + 'user' + chr(39), chr(39) + 'n' + chr(39) + ', ' + chr(39) + '>' + chr(39) + ', 1', chr(39) + 'zz' + chr(39) + ', ' + chr(39) + 'undefined' + chr(39))})|list",
                lambda: f"({e('dict')}).{p('items', 'keys', 'values')}()",
                lambda: f"({e('dict')}).{p('items', 'keys', 'values')}()|list",
                lambda: f"({e('dict')})|items|list",
                lambda: f"({e('dict')})|dictsort({p('', 'reverse=true', 'by=' + chr(39) + 'value' + chr(39), 'true', 'false, ' + chr(39) + 'value' + chr(39))})",
                lambda: f"({e('list')})|{p('batch', 'slice')}({p('2', '3, 0')})|list",
                lambda: f"range({p('3', 'j', '1, 5', '5, 0, -2')})",
                lambda: f"q|groupby('role')|list",
                lambda: f"q|map(attribute={p(chr(39) + 'name' + chr(39), chr(39) + 'n' + chr(39), chr(39) + 'zz' + chr(39) + ', default=0')})|list",
                lambda: f"{self.leaf('list')} * {p('2', '0')}",
                lambda: self.leaf("list"),
            ]
        )()

    def dict(self, depth):
        d = depth - 1
        e = lambda k=None: self.expr(d, k)
        p = self.pick
        return self.r.choice(
            [
                lambda: "{"
                + ", ".join(
                    f"{self.pick(self.string(), self.integer(), self.leaf('text'))}: {e()}"
                    for _ in range(self.r.randint(0, 3))
                )
                + "}",
                lambda: f"dict({self.leaf('dict')}, a={e()})",
                lambda: f"dict({e('list')})",
                lambda: f"q[{self.integer()}]",
                lambda: f"q|{p('first', 'last', 'random' if False else 'first')}",
                lambda: f"({e('dict')}).copy()",
                lambda: f"namespace(a={e()}, b=1)",
                lambda: f"dict(({e('dict')}).items())",
                lambda: self.leaf("dict"),
            ]
        )()

    def bool(self, depth):
        d = depth - 1
        e = lambda k=None: self.expr(d, k)
        p = self.pick
        return self.r.choice(
            [
                lambda: f"{e('number')} {p('==', '!=', '<', '<=', '>', '>=')} {e('number')}",
                lambda: f"{e('text')} {p('==', '!=', '<', '>=')} {e('text')}",
                lambda: f"{e()} {p('==', '!=')} {e()}",
                lambda: f"1 < {e('number')} <= {e('number')}",
                lambda: f"{e('bool')} {p('and', 'or')} {e('bool')}",
                lambda: f"not {e('bool')}",
                lambda: f"({e()} {p('and', 'or')} {e()})",
                lambda: f"{e()} {p('in', 'not in')} {e('list')}",
                lambda: f"{e('text')} {p('in', 'not in')} {e('text')}",
                lambda: f"{e('text')} {p('in', 'not in')} {e('dict')}",
                lambda: f"{e()} is {p('', 'not ')}{p('defined', 'undefined', 'none', 'string', 'number', 'integer', 'float', 'boolean', 'mapping', 'sequence', 'iterable', 'callable', 'true', 'false', 'escaped', 'lower', 'upper')}",
                lambda: f"{e('number')} is {p('odd', 'even', 'divisibleby 3', 'divisibleby(2)', 'eq 1', 'gt 2', 'lt(3)', 'ge 1', 'sameas 1')}",
                lambda: f"{e()} is {p('eq', 'ne', 'sameas', 'equalto', 'in')} {self.leaf(p('text', 'list', 'number'))}",
                lambda: f"({e('text')}).{p('startswith', 'endswith')}({p(self.string(), self.leaf('text'), '(' + chr(39) + 'a' + chr(39) + ', ' + chr(39) + 'H' + chr(39) + ')')})",
                lambda: f"({e('text')}).{p('isdigit', 'isalpha', 'isalnum', 'isspace', 'isupper', 'islower', 'istitle', 'isnumeric', 'isdecimal', 'isidentifier', 'isascii', 'isprintable')}()",
                lambda: f"{self.string()} is {p('filter', 'test')}",
                lambda: self.leaf("bool"),
            ]
        )()

    def any(self, depth):
        d = depth - 1
        e = lambda k=None: self.expr(d, k)
        p = self.pick
        return self.r.choice(
            [
                lambda: f"({e('dict')}).{p('a', 'b', 'name', 'items', 'get', 'zz', 'keys')}",
                lambda: f"({e('dict')})[{self.leaf('text')}]",
                lambda: f"({e('dict')}).get({self.leaf('text')}{p('', ', ' + self.leaf('number'))})",
                lambda: f"({e('list')})[{p('0', '-1', 'i', '9', chr(39) + 'a' + chr(39))}]",
                lambda: f"({e()} or {e()})",
                lambda: f"({e()} and {e()})",
                lambda: f"{e()}|default({e()}{p('', ', true')})",
                lambda: f"({e('dict')})|attr({p(chr(39) + 'a' + chr(39), chr(39) + 'keys' + chr(39))})",
                lambda: f"({e('list')})|{p('first', 'last', 'min', 'max')}",
                lambda: self.conditional(d, None),
                lambda: (
                    p(
                        "loop.index",
                        "loop.last",
                        "loop.first",
                        "loop.revindex0",
                        "loop.previtem",
                        "loop.nextitem",
                        "loop.length",
                        "loop.cycle('a', 'b')",
                        "loop.changed(i)",
                        "loop.depth",
                    )
                    if self.in_loop
                    else self.leaf("any")
                ),
                lambda: p("varargs", "kwargs", "caller", "caller is defined") if self.in_macro else self.leaf("any"),
                lambda: self.leaf("any"),
            ]
        )()

    def open(self):
        return "{%" + self.r.choice(["", "", "", "-", "+"]) + " "

    def shut(self):
        return " " + self.r.choice(["", "", "", "-", "+"]) + "%}"

    def gap(self):
        return self.r.choice(
            ["", "", "\n", " ", "\n\n", "  \n  ", "text", " a b ", "\tx\n", "{ % }", "\r\n", "}}", "#}", "{ {", "  "]
        )

    def tag(self, body):
        return self.open() + body + self.shut()

    def block(self, depth, n=None):
        out = ""
        for _ in range(n or self.r.randint(1, 3)):
            out += self.gap() + self.statement(depth) + self.gap()
        return out

    def statement(self, depth):
        r = self.r
        p = self.pick
        ex = lambda k=None: self.expr(r.randint(0, 3), k)
        roll = r.random()
        if depth <= 0 or roll < 0.4:
            return (
                "{{"
                + p("", "-", "+" if r.random() < 0.3 else "")
                + f" {ex(p('text', 'number', 'list', 'bool', 'any', 'dict'))} "
                + p("", "-")
                + "}}"
            )
        d = depth - 1
        if roll < 0.5:
            out = self.tag(f"if {ex('bool')}") + self.block(d)
            if r.random() < 0.3:
                out += self.tag(f"elif {ex('bool')}") + self.block(d)
            if r.random() < 0.5:
                out += self.tag("else") + self.block(d)
            return out + self.tag("endif")
        if roll < 0.62:
            target, source = p(
                ("c", ex("list")),
                ("c", ex("list")),
                ("a, c", f"({ex('dict')}).items()"),
                ("c", ex("dict")),
                ("c", ex("text")),
                ("i, c", "[(1, 2), 'ab']"),
                ("c", "msgs"),
                ("a, (c, i)", "[(1, (2, 3))]"),
            )
            condition = (
                f" if {self.pick('c', 'c is string', 'loop.index is odd' if r.random() < 0.1 else 'not c', ex('bool'))}"
                if r.random() < 0.2
                else ""
            )
            recursive = r.random() < 0.07
            self.in_loop += 1
            body = self.block(d)
            if r.random() < 0.15:
                body += self.tag(f"if {ex('bool')}") + self.tag(p("break", "continue")) + self.tag("endif") + self.gap()
            if recursive:
                body += "{% if loop.depth < 3 %}{{ loop(" + p("[c]", "l", "c") + ") }}{% endif %}"
            self.in_loop -= 1
            otherwise = self.tag("else") + self.block(d) if r.random() < 0.2 else ""
            return (
                self.tag(f"for {target} in {source}{condition}{' recursive' if recursive else ''}")
                + body
                + otherwise
                + self.tag("endfor")
            )
        if roll < 0.74:
            return p(
                lambda: self.tag(f"set {p('i', 's', 'z', 'v', 'c')} = {ex()}"),
                lambda: self.tag(f"set i, s = {ex()}, {ex()}"),
                lambda: self.tag("set ns = namespace(a=1)") + self.tag(f"set ns.a = {ex()}") + "{{ ns.a }}",
                lambda: self.tag(
                    f"set v{p('', '|upper', '|trim', '|replace(' + chr(39) + 'a' + chr(39) + ', ' + chr(39) + 'b' + chr(39) + ')')}"
                )
                + self.block(d, 1)
                + self.tag("endset")
                + "{{ v }}",
            )()
        if roll < 0.82:
            self.macros += 1
            name = f"m{r.randint(0, 3)}"
            signature = p("", "a", "a, c=1", "a=i, s='q'", "a, c=a")
            self.in_macro += 1
            body = self.block(d)
            if r.random() < 0.3:
                body += "{{ caller() if caller }}" if r.random() < 0.7 else p("{{ varargs }}", "{{ kwargs }}")
            self.in_macro -= 1
            use = p(
                "{{ %s(%s) }}" % (name, p("", "1", "2, 3", "a=5", "c=1, a=2", ex(), "1, 2, 3", "zz=1")),
                "{%% call %s(%s) %%}%s{%% endcall %%}" % (name, p("", "1"), self.block(0, 1)),
            )
            return self.tag(f"macro {name}({signature})") + body + self.tag("endmacro") + use
        if roll < 0.86:
            return (
                self.tag(
                    f"filter {p('upper', 'trim', 'indent(2)', 'replace(' + chr(39) + 'a' + chr(39) + ', ' + chr(39) + 'Z' + chr(39) + ')', 'length', 'upper|trim')}"
                )
                + self.block(d)
                + self.tag("endfilter")
            )
        if roll < 0.89:
            return (
                self.tag(f"with {p('i = 5', 's = ' + ex(), 'i = 1, v = i', '')}") + self.block(d) + self.tag("endwith")
            )
        if roll < 0.92:
            return self.tag("generation") + self.block(d) + self.tag("endgeneration")
        if roll < 0.95:
            return (
                self.open()
                + "raw"
                + self.pick(" %}", " -%}")
                + self.pick("{{ x }}", "{% if %}", " { ", "\n\n x \n")
                + self.open()
                + "endraw"
                + self.shut()
            )
        if roll < 0.98:
            return (
                "{#"
                + p("", "-", "+")
                + p(" c ", " {{ x }} ", "\n", "")
                + p("", "-", "+" if r.random() < 0.2 else "")
                + "#}"
            )
        return p(
            "{% do i %}",
            "{% include 'x' %}",
            "{% extends 'x' %}",
            "{% import 'x' as y %}",
            "{{ i",
            "{% if %}",
            "{% endfor %}",
            "{{ }}",
            "{{ 'a }}",
            "{% set %}",
            "{{ a b }}",
            "{{ f(*l) }}",
            "{{ f(**d) }}",
            "{{ dict(**o) }}",
            "{{ range(*[3]) }}",
            "{{ s.format(*l) }}",
            "{{ ''.__class__ }}",
            "{{ s.__class__.__mro__ }}",
            "{{ [].append(1) }}",
            "{{ d.update({}) }}",
            "{{ raise_exception('no: ' ~ s) }}",
            "{{ a.b }}",
        )
