"""Peer: llama.cpp, greedy. python generate_llama_cpp.py --model FILE.gguf --rows ROWS.json --sequences 32 --new 64 [--share]

Waves of so many sequences, prompts batched, the given number of new tokens forced. --share computes what all prompts begin with once,
in a unified cache. Prints new tokens a second over the whole time, and prompts and decoding each by itself.
With --context N: one sequence whose prompt is the first rows' tokens, N of them; only decoding is timed, a token a step and then with drafts of its Python
package's prompt lookup, by the best of several numbers of them.
"""
import argparse

import numpy
from llama_cpp.llama_speculative import LlamaPromptLookupDecoding

from llama_cpp_model import Model, name
from measurement import Stopwatch, read_rows, report, report_peak_memory

# How many tokens to draft at most: its documentation recommends 2 on a processor and 10 on a card.
DRAFTED = (1, 2, 3, 5)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--sequences", type=int, default=32)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--share", action="store_true")
    parser.add_argument("--context", type=int)
    arguments = parser.parse_args()
    prompts = [row["tokens"] for row in read_rows(arguments.rows, arguments.limit)]
    if arguments.context:
        decode_one(arguments, [token for prompt in prompts for token in prompt][: arguments.context])
    else:
        generate_all(arguments, prompts)


def generate_all(arguments, prompts):
    sequences = min(arguments.sequences, len(prompts))
    longest = max(map(len, prompts)) + arguments.new + 8
    model = Model(arguments.model, sequences, sequences * longest, arguments.threads, arguments.share)
    prefix = common_prefix(prompts) if arguments.share else 0
    model.step([(token, i, 0, False) for i, token in enumerate(prompts[0][:8])])
    model.keep(0, 0)
    outputs, prompt_seconds, decode_seconds = [], 0.0, 0.0
    watch = Stopwatch()
    if prefix:
        model.step([(token, i, 0, False) for i, token in enumerate(prompts[0][:prefix])])
        model.share(sequences, prefix)
        prompt_seconds += watch.seconds()
    for start in range(0, len(prompts), sequences):
        wave = prompts[start : start + sequences]
        for sequence in range(sequences):
            model.keep(sequence, prefix)
        tokens, prompt_time, decode_time = generate_wave(model, wave, prefix, arguments.new)
        outputs += tokens
        prompt_seconds += prompt_time
        decode_seconds += decode_time
    seconds = watch.seconds()
    system = f"{name(arguments.model)} ({sequences} sequences{', shared prefix' if prefix else ''})"
    new, read = sum(map(len, outputs)), sum(map(len, prompts))
    details = dict(prompts=len(prompts), prompt_tokens=read, prefix=prefix, new=new, seconds=round(seconds, 2))
    report(system, "generating", "new tokens/s", round(new / seconds, 2), first=outputs[0][:16], **details)
    report(system, "prompts", "tokens/s", round(read / prompt_seconds, 2), **details)
    report(system, "decoding", "tokens/s", round((new - len(prompts)) / decode_seconds, 2), **details)
    report_peak_memory(system)


def generate_wave(model, wave, prefix, new):
    """The new tokens of each prompt, and the seconds for the prompts and for the rest. The prompts' own step gives the first new token."""
    watch = Stopwatch()
    entries = [(token, i, s, i == len(prompt) - 1) for s, prompt in enumerate(wave) for i, token in enumerate(prompt) if i >= prefix]
    best = model.step(entries)
    prompt_time = watch.seconds()
    tokens = [[best[s]] for s in range(len(wave))]
    for k in range(new - 1):
        best = model.step([(tokens[s][-1], len(prompt) + k, s, True) for s, prompt in enumerate(wave)])
        for s, token in best.items():
            tokens[s].append(token)
    return tokens, prompt_time, watch.seconds() - prompt_time


def common_prefix(prompts):
    """Tokens that all prompts begin with, at least one of each left over to be read."""
    length = 0
    while length < min(map(len, prompts)) - 1 and len({prompt[length] for prompt in prompts}) == 1:
        length += 1
    return length


def decode_one(arguments, prompt):
    model = Model(arguments.model, 1, len(prompt) + arguments.new + 8 + max(DRAFTED), arguments.threads, False)
    first = model.step([(token, i, 0, i == len(prompt) - 1) for i, token in enumerate(prompt)])[0]
    watch = Stopwatch()
    plain = [first]
    for k in range(arguments.new):
        plain.append(model.step([(plain[-1], len(prompt) + k, 0, True)])[0])
    system, details = name(arguments.model), dict(context=len(prompt), new=arguments.new)
    report(system, "decoding one sequence", "tokens/s", round(arguments.new / watch.seconds(), 2), **details)
    speeds = {}
    for most in DRAFTED:
        model.keep(0, len(prompt))
        watch = Stopwatch()
        tokens, steps = decode_drafted(model, prompt, first, arguments.new, most)
        speeds[most] = (arguments.new / watch.seconds(), steps, tokens == plain)
    best = max(speeds, key=lambda most: speeds[most][0])
    speed, steps, same = speeds[best]
    report(system, "decoding one sequence, drafted", "tokens/s", round(speed, 2), most=best, steps=steps, same=same, **details)


def decode_drafted(model, prompt, first, new, most):
    """The new tokens from the first on, and the steps they took."""
    drafter = LlamaPromptLookupDecoding(num_pred_tokens=most)
    tokens, end, steps = prompt + [first], len(prompt) + 1 + new, 0
    while len(tokens) < end:
        drafts = drafter(numpy.array(tokens, dtype=numpy.intc)).tolist()[: end - len(tokens) - 1]
        position = len(tokens) - 1
        drawn = model.step_rows([(token, position + i, 0, True) for i, token in enumerate([tokens[-1], *drafts])])
        right = 0
        while right < len(drafts) and drafts[right] == drawn[right]:
            right += 1
        tokens += drawn[: right + 1]
        model.keep(0, len(tokens) - 1)
        steps += 1
    return tokens[len(prompt) :], steps


main()
