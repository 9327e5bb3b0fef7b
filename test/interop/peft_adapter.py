"""The peft side of the interop tests: writes an adapter with random weights, or gives a model's logits under an adapter.

    python peft_adapter.py write MODEL OUT --targets q_proj,v_proj [--rank 8] [--alpha 16] [--rslora] [--seed 0]
    python peft_adapter.py logits MODEL ADAPTER SEQUENCES.json OUT.safetensors
SEQUENCES.json is a list of lists of token ids; the answer holds `seq.i.logits` (T, V) in f32, each sequence run alone.
"""
import argparse
import json

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    write = commands.add_parser("write")
    write.add_argument("model")
    write.add_argument("out")
    write.add_argument("--targets", required=True)
    write.add_argument("--rank", type=int, default=8)
    write.add_argument("--alpha", type=float, default=16)
    write.add_argument("--rslora", action="store_true")
    write.add_argument("--seed", type=int, default=0)
    logits = commands.add_parser("logits")
    logits.add_argument("model")
    logits.add_argument("adapter")
    logits.add_argument("sequences")
    logits.add_argument("out")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.command == "write":
        write_adapter(arguments)
    else:
        write_logits(arguments)


def base_model(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def write_adapter(arguments):
    config = LoraConfig(
        r=arguments.rank, lora_alpha=arguments.alpha, target_modules=arguments.targets.split(","), use_rslora=arguments.rslora, task_type="CAUSAL_LM")
    model = get_peft_model(base_model(arguments.model), config)
    random = torch.Generator().manual_seed(arguments.seed)
    for parameter in model.parameters():
        if parameter.requires_grad:  # B too: peft starts it at zero, and such an adapter would prove nothing
            parameter.data.copy_(torch.randn(parameter.shape, generator=random) * 0.1)
    model.save_pretrained(arguments.out)


def write_logits(arguments):
    with open(arguments.sequences) as file:
        sequences = json.load(file)
    model = PeftModel.from_pretrained(base_model(arguments.model), arguments.adapter).eval()
    with torch.no_grad():
        answers = {f"seq.{i}.logits": model(torch.tensor([ids])).logits[0].contiguous() for i, ids in enumerate(sequences)}
    save_file(answers, arguments.out)


main()
