#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The official clients of OpenAI and Anthropic, unmodified, against `kvhost serve`.

    pip install openai anthropic
    tests/oracle/serve_clients.py build/release/bin/kvhost

Starts a server of its own on the bundled model; prints a line for each thing that was tried and ends with 1 where one failed.
"""
import subprocess
import sys
import traceback

import anthropic
import openai

TRIED = []


def tried(what):
    def keep(function):
        TRIED.append((what, function))
        return function

    return keep


@tried("openai: models")
def models(client, _):
    assert [model.id for model in client.models.list()] == ["demo"]


@tried("openai: completion, greedy, twice the same")
def completion(client, _):
    def ask():
        return client.completions.create(model="demo", prompt="The history of", max_tokens=8, temperature=0)

    first, second = ask(), ask()
    assert first.choices[0].text == second.choices[0].text != ""
    assert first.usage.completion_tokens <= 8 and first.usage.prompt_tokens > 0


@tried("openai: completion with echo and logprobs")
def scored(client, _):
    out = client.completions.create(model="demo", prompt="The history of the town", max_tokens=0, echo=True, logprobs=2)
    lists = out.choices[0].logprobs
    assert out.choices[0].text == "The history of the town"
    assert lists.token_logprobs[0] is None and all(x < 0 for x in lists.token_logprobs[1:])
    assert "".join(lists.tokens[1:]) in out.choices[0].text


@tried("openai: completion, streamed, with usage")
def streamed(client, _):
    text, usage = "", None
    for chunk in client.completions.create(model="demo", prompt="The river", max_tokens=12, temperature=0, stream=True,
                                           stream_options={"include_usage": True}):
        text += "".join(choice.text for choice in chunk.choices)
        usage = chunk.usage or usage
    whole = client.completions.create(model="demo", prompt="The river", max_tokens=12, temperature=0)
    assert text == whole.choices[0].text and usage.completion_tokens == whole.usage.completion_tokens


@tried("openai: chat, whole and streamed, several answers")
def chat(client, _):
    messages = [{"role": "system", "content": "Once upon a time"}, {"role": "user", "content": " there was"}]
    whole = client.chat.completions.create(model="demo", messages=messages, max_tokens=10, temperature=0, n=2)
    assert len(whole.choices) == 2 and whole.choices[0].message.role == "assistant"
    text = ""
    for chunk in client.chat.completions.create(model="demo", messages=messages, max_tokens=10, temperature=0, stream=True):
        if chunk.choices:
            text += chunk.choices[0].delta.content or ""
    assert text == whole.choices[0].message.content


@tried("openai: chat with logprobs")
def chat_scored(client, _):
    out = client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "The"}], max_tokens=4,
                                         logprobs=True, top_logprobs=3)
    assert all(len(token.top_logprobs) == 3 for token in out.choices[0].logprobs.content)


@tried("openai: press and budget as extra fields")
def pressed(client, _):
    out = client.completions.create(model="demo", prompt="One day the people of the town came together. " * 40, max_tokens=4,
                                    extra_body={"press": "adakv:snapkv", "keep_ratio": 0.25, "min_entries": 0})
    facts = out.model_extra["kvhost"]
    assert facts["press"] == "adakv:snapkv" and facts["cache_bytes_kept"] < 0.3 * facts["cache_bytes_full"]


@tried("openai: responses, whole and streamed")
def responses(client, _):
    whole = client.responses.create(model="demo", input="The history of", max_output_tokens=8, temperature=0)
    assert whole.output_text != "" and whole.usage.output_tokens <= 8
    text, last = "", None
    for event in client.responses.create(model="demo", input="The history of", max_output_tokens=8, temperature=0, stream=True):
        if event.type == "response.output_text.delta":
            text += event.delta
        last = event.type
    assert text == whole.output_text and last in ("response.completed", "response.incomplete")


@tried("openai: errors are the client's own exceptions")
def errors(client, _):
    for wrong, kind in (({"temperature": 9}, openai.BadRequestError), ({"model": "gpt-4"}, openai.NotFoundError)):
        try:
            client.completions.create(**{"model": "demo", "prompt": "x", **wrong})
            raise AssertionError(f"{wrong} was taken")
        except kind as error:
            assert "expected" in str(error)
    try:
        client.with_options(api_key="wrong").models.list()
        raise AssertionError("a wrong key was taken")
    except openai.AuthenticationError:
        pass


@tried("openai: a document asked twice")
def document(client, _):
    made = client.post("/documents", cast_to=object, body={"text": "One day the people came together. " * 60, "press": "snapkv",
                                                           "keep_ratio": 0.2, "min_entries": 0})
    for _ in range(2):
        out = client.chat.completions.create(model="demo", messages=[{"role": "user", "content": " Then"}], max_tokens=4,
                                             extra_body={"document": made["id"]})
        assert out.usage.prompt_tokens_details.cached_tokens == made["kvhost"]["n_prompt_tokens"]


@tried("anthropic: message, whole")
def message(_, client):
    out = client.messages.create(model="demo", max_tokens=8, extra_body={"temperature": 0}, system="Once upon a time",
                                 messages=[{"role": "user", "content": " there was"}])
    assert out.role == "assistant" and out.content[0].text != "" and out.stop_reason in ("max_tokens", "end_turn")


@tried("anthropic: message, streamed")
def message_streamed(_, client):
    asked = dict(model="demo", max_tokens=8, extra_body={"temperature": 0}, messages=[{"role": "user", "content": "The river"}])
    with client.messages.stream(**asked) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == client.messages.create(**asked).content[0].text == final.content[0].text
    assert final.usage.output_tokens > 0


@tried("anthropic: stop sequence, token count, errors")
def message_rest(_, client):
    asked = dict(model="demo", messages=[{"role": "user", "content": "The river"}])
    text = client.messages.create(max_tokens=30, extra_body={"temperature": 0}, **asked).content[0].text
    out = client.messages.create(max_tokens=30, extra_body={"temperature": 0}, stop_sequences=[text[4:7]], **asked)
    assert out.stop_reason == "stop_sequence" and out.stop_sequence == text[4:7]
    assert client.messages.count_tokens(**asked).input_tokens == out.usage.input_tokens + out.usage.cache_read_input_tokens
    try:
        client.messages.create(max_tokens=-1, **asked)
        raise AssertionError("max_tokens -1 was taken")
    except anthropic.BadRequestError as error:
        assert "max_tokens" in str(error)


def main():
    server = subprocess.Popen([sys.argv[1], "serve", "--port", "0", "--press", "none", "--api-key", "secret"],
                              stdout=subprocess.PIPE, text=True)
    url = next(line for line in server.stdout if line.startswith("listening")).split()[-1]
    clients = (openai.OpenAI(base_url=url + "/v1", api_key="secret", max_retries=0),
               anthropic.Anthropic(base_url=url, api_key="secret", max_retries=0))
    failed = 0
    for what, function in TRIED:
        try:
            function(*clients)
            print(f"ok    {what}")
        except Exception:
            failed += 1
            print(f"WRONG {what}\n{traceback.format_exc()}")
    server.terminate()
    if server.wait(60) != 0:
        failed += 1
        print(f"WRONG the server ended with {server.returncode}")
    print(f"{len(TRIED)} tried with openai {openai.__version__} and anthropic {anthropic.__version__}, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
