"""Peer: LoRA training by transformers and peft. python train_peft.py --model HUB_FOLDER --rows ROWS.json --micro 2 --accumulation 4

Paper settings: r 8 and alpha 16 on q_proj and v_proj, AdamW, cosine from 1e-4 to 0, clipping at 1, f32. One pass over the rows in
their order; padded on the right within a micro-batch, which only the useful tokens are counted of. One step is done beforehand.
"""
import argparse
import math

import peft
import torch
from measurement import Stopwatch, read_rows, report, report_peak_memory
from torch_model import load, versions

PAD = 0  # hidden by the attention mask


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--micro", type=int, default=2)
    parser.add_argument("--accumulation", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    rows = read_rows(arguments.rows, arguments.limit)
    model = load(arguments.model, arguments.threads)
    settings = peft.LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    model = peft.get_peft_model(model, settings).train()
    model.config.use_cache = False
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.0)
    size = arguments.micro * arguments.accumulation
    batches = [rows[start : start + size] for start in range(0, len(rows), size)]

    def step(batch, learning_rate):
        loss = 0.0
        labelled = sum(count_labelled(row) for row in batch)
        for start in range(0, len(batch), arguments.micro):
            inputs = collate(batch[start : start + arguments.micro])
            # num_items_in_batch: the mean over the labelled tokens of the whole batch, as transformers' Trainer does when accumulating
            share = model(**inputs, num_items_in_batch=labelled).loss
            share.backward()
            loss += share.item()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        optimizer.step()
        optimizer.zero_grad()
        return loss

    step(batches[0], 0.0)
    watch = Stopwatch()
    losses = [step(batch, 1e-4 * 0.5 * (1 + math.cos(math.pi * i / len(batches)))) for i, batch in enumerate(batches)]
    seconds = watch.seconds()
    system = f"peft {peft.__version__}, {versions()} ({arguments.micro} x {arguments.accumulation})"
    tokens = sum(len(row["tokens"]) for row in rows)
    report(system, "training", "tokens/s", round(tokens / seconds, 2), tokens=tokens, seconds=round(seconds, 2), losses=losses)
    report_peak_memory(system)


def count_labelled(row):
    return sum(label != -100 for label in row["labels"][1:])


def collate(rows):
    longest = max(len(row["tokens"]) for row in rows)

    def padded(values, filler):
        return torch.tensor([[*row, *[filler] * (longest - len(row))] for row in values])

    return dict(
        input_ids=padded([row["tokens"] for row in rows], PAD),
        labels=padded([row["labels"] for row in rows], -100),
        attention_mask=padded([[1] * len(row["tokens"]) for row in rows], 0),
    )


main()
