"""Random conversations with all that chat templates ask for: tools, calls, results, thoughts, parts, options."""

import json

TEXTS = [
    "",
    " ",
    "Hi",
    "Hello,\n\tworld! ",
    "\n\nleading",
    "trailing\n\n",
    "{{ 7*7 }}{% if x %}",
    "<think>\nhmm\n</think>\n\nYes.",
    "<think></think>",
    "a</think>b</think>c",
    "naïve Zürich 東京 🦙 İß ǆ",
    "\"quotes\" 'and' \\back\\slash",
    "<b>&amp;</b>",
    "tab\there\x0bvt\x85nel\u2028ls",
    '{"t": 21, "sky": null}',
    "[1, 2.50, true]",
    "not json {",
    "<|im_end|></s>",
    "\ufeffbom\u200b",
    "<tool_response>x</tool_response>",
    "/no_think",
    "/think go",
    "1234567890" * 3,
    "\U0001d400\u0301",
]
SCALARS = [
    0,
    1,
    -1,
    2**53,
    -(2**63),
    2**63 - 1,
    0.0,
    -0.0,
    1.0,
    2.5,
    1e16,
    1e-7,
    1e22,
    123456789.123,
    True,
    False,
    None,
]


def text(r):
    return r.choice(TEXTS) if r.random() < 0.7 else r.choice(TEXTS) + r.choice(TEXTS)


def value(r, depth=2):
    roll = r.random()
    if depth == 0 or roll < 0.45:
        return r.choice(SCALARS) if r.random() < 0.5 else text(r)
    if roll < 0.6:
        return [value(r, depth - 1) for _ in range(r.randint(0, 3))]
    return {
        r.choice(["city", "days", "unit", "k e y", "ключ", "items", "get", "a.b", "", "0"]): value(r, depth - 1)
        for _ in range(r.randint(0, 3))
    }


def arguments(r):
    roll = r.random()
    if roll < 0.75:
        return {k: value(r) for k in r.sample(["city", "days", "unit", "flags", "naïve", "nested"], r.randint(0, 4))}
    return json.dumps(value(r)) if roll < 0.95 else None


def schema(r, depth=2):
    kinds = ["string", "integer", "number", "boolean", "null"] + (
        ["object", "array", "enum", "union", "ref", "anyOf"] if depth else []
    )
    kind = r.choice(kinds)
    out = {"type": kind}
    if kind == "object":
        out["properties"] = {
            k: schema(r, depth - 1) for k in r.sample(["city", "days", "unit", "opts"], r.randint(0, 3))
        }
        if r.random() < 0.5:
            out["required"] = r.sample(["city", "days"], r.randint(0, 2))
        if r.random() < 0.2:
            out["additionalProperties"] = r.choice([True, False, {"type": "string"}])
    elif kind == "array":
        out["items"] = schema(r, depth - 1) if r.random() < 0.9 else {}
    elif kind == "enum":
        out = {"type": "string", "enum": ["C", "F", "é"]}
    elif kind == "union":
        out["type"] = ["string", "null"]
    elif kind == "ref":
        out = {"$ref": "#/defs/x"}
    elif kind == "anyOf":
        out = {r.choice(["anyOf", "oneOf", "allOf"]): [schema(r, depth - 1) for _ in range(2)]}
    if r.random() < 0.5:
        out["description"] = text(r)
    if r.random() < 0.3:
        out["default"] = value(r, 1)
    if r.random() < 0.2:
        out["nullable"] = r.choice([True, False])
    if r.random() < 0.2:
        out.update(minimum=0, maximum=r.choice([10, 2.5]))
    return out


def tool(r):
    function = {"name": r.choice(["get_weather", "f", "näme", "brave_search", "code_interpreter"])}
    if r.random() < 0.9:
        function["description"] = text(r)
    if r.random() < 0.9:
        function["parameters"] = (
            schema(r)
            if r.random() < 0.3
            else {
                "type": "object",
                "properties": {k: schema(r) for k in r.sample(["city", "days", "unit", "opts"], r.randint(0, 4))},
                "required": r.sample(["city", "days", "unit"], r.randint(0, 3)),
            }
        )
    if r.random() < 0.2:
        function["return"] = schema(r)
    if r.random() < 0.1:
        function["strict"] = True
    return {"type": "function", "function": function} if r.random() < 0.9 else function


def call(r):
    function = {"name": r.choice(["get_weather", "f", "näme"]), "arguments": arguments(r)}
    out = {"id": r.choice(["call12345", "abcdefghi", "functions.f:0", "x"]), "type": "function", "function": function}
    if r.random() < 0.1:
        del out["id"]
    if r.random() < 0.1:
        del out["type"]
    return out if r.random() < 0.9 else function


def content(r):
    roll = r.random()
    if roll < 0.75:
        return text(r)
    if roll < 0.83:
        return None
    parts = [
        {"type": "text", "text": text(r)},
        {"type": "text", "text": text(r)},
        {"type": "image"},
        {"type": "image_url", "image_url": {"url": "x"}},
        {"type": "audio"},
        {"text": "untyped"},
        {"type": "video"},
        {"type": "thinking", "thinking": text(r)},
        "plain",
    ]
    return [r.choice(parts[:2] if r.random() < 0.7 else parts) for _ in range(r.randint(0, 3))]


def message(r, role):
    out = {"role": role, "content": content(r)}
    if role == "assistant":
        if r.random() < 0.35:
            out["tool_calls"] = [call(r) for _ in range(r.randint(0, 3))]
            out["content"] = r.choice(["", None, text(r)])
        for key in ("reasoning_content", "thinking", "reasoning", "thought"):
            if r.random() < 0.15:
                out[key] = r.choice([text(r), text(r), "", None])
        if r.random() < 0.05:
            out["prefix"] = True
    if role in ("tool", "function"):
        out["tool_call_id"] = r.choice(["call12345", "abcdefghi", "functions.f:0"])
        if r.random() < 0.7:
            out["name"] = r.choice(["get_weather", "f"])
        if r.random() < 0.15:
            out["content"] = value(r)
    if r.random() < 0.03:
        del out["content"]
    if r.random() < 0.02:
        del out["role"]
    return out


def conversation(r):
    messages = []
    if r.random() < 0.5:
        messages.append(message(r, r.choice(["system", "system", "developer"])))
    well_ordered = r.random() < 0.8
    for i in range(r.randint(0, 6)):
        if not well_ordered:
            messages.append(message(r, r.choice(["user", "assistant", "tool", "system", "ipython", "function", "odd"])))
            continue
        messages.append(message(r, "user"))
        answer = message(r, "assistant")
        messages.append(answer)
        for c in answer.get("tool_calls") or []:
            result = message(r, "tool")
            result["tool_call_id"] = c.get("id", "x")
            messages.append(result)
        if answer.get("tool_calls") and r.random() < 0.8:
            messages.append({"role": "assistant", "content": text(r)})
    if well_ordered and r.random() < 0.7:
        messages.append(message(r, "user"))
    variables = {"messages": messages, "bos_token": r.choice(["<s>", ""]), "eos_token": "</s>"}
    if r.random() < 0.9:
        variables["add_generation_prompt"] = r.random() < 0.7
    if r.random() < 0.5:
        variables["tools"] = r.choice([None, []]) if r.random() < 0.2 else [tool(r) for _ in range(r.randint(1, 3))]
    options = {
        "enable_thinking": [True, False, None],
        "thinking": [True, False],
        "reasoning_effort": ["low", "medium", "high", "none", 1, 0.5, None],
        "documents": [None, [], [{"title": "T", "text": "body"}, {"title": "Ü", "text": text(r), "id": 3}]],
        "date_string": ["26 Jul 2024"],
        "builtin_tools": [["brave_search", "code_interpreter"], []],
        "keep_past_thinking": [True, False],
        "tools_in_user_message": [True, False],
        "custom_tools": [None],
        "model_identity": ["I am."],
        "clear_thinking": [True, False],
        "thinking_budget": [0, 512, -1],
        "add_vision_id": [True, False],
        "preserve_thinking": [True, False],
        "language": ["en"],
        "xml_tools": [["x"]],
        "truncate_history_thinking": [True, False],
        "functions": [None, "[]"],
        "datetime": ["now"],
        "controls": [{"length": "long", "originality": "abstractive"}],
        "available_tools": [[{"name": "f", "description": "d"}]],
    }
    for key, choices in options.items():
        if r.random() < 0.12:
            variables[key] = r.choice(choices)
    return variables
