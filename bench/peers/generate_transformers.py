"""Peer: transformers' generate, greedy. python generate_transformers.py --model HUB_FOLDER --rows ROWS.json --batch 16 --new 64

The authors' way is --batch 1. The given number of new tokens is forced; prompts are padded on the left within a batch. Prompts
count as work but not as result: the figure is new tokens over the whole time. One short batch is done beforehand.
"""
import argparse

import torch
from measurement import Stopwatch, read_rows, report, report_peak_memory
from torch_model import load, versions

PAD = 0  # hidden by the attention mask


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    prompts = [row["tokens"] for row in read_rows(arguments.rows, arguments.limit)]
    model = load(arguments.model, arguments.threads).eval()

    def generate(batch, new):
        longest = max(map(len, batch))
        tokens = torch.tensor([[PAD] * (longest - len(prompt)) + prompt for prompt in batch])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in batch])
        out = model.generate(
            input_ids=tokens, attention_mask=mask, do_sample=False, min_new_tokens=new, max_new_tokens=new, pad_token_id=PAD)
        return out[:, longest:].tolist()

    generate(prompts[:1], 4)
    watch = Stopwatch()
    outputs = []
    for start in range(0, len(prompts), arguments.batch):
        outputs += generate(prompts[start : start + arguments.batch], arguments.new)
    seconds = watch.seconds()
    system = f"{versions()} (batch {arguments.batch})"
    new = sum(map(len, outputs))
    report(system, "generating", "new tokens/s", round(new / seconds, 2), prompts=len(prompts), new=new, seconds=round(seconds, 2), first=outputs[0][:16])
    report_peak_memory(system)


main()
