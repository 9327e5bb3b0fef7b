"""What the card peers share: a model of a config.json with made-up weights on a device, and how long its work takes.

--model is the config's path, --device cuda or cpu. The device is waited for before the clock is read.
"""
import argparse
import json

import torch
import transformers
from measurement import Stopwatch


def arguments_of(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--shape", required=True)
    parser.add_argument("--sequences", type=int, required=True)
    parser.add_argument("--tokens", type=int)
    parser.add_argument("--prompt", type=int)
    parser.add_argument("--new", type=int)
    return parser.parse_args()


def config_of(path):
    with open(path) as file:
        return transformers.LlamaConfig(**{key: value for key, value in json.load(file).items() if key not in ("architectures", "model_type", "torch_dtype")})


def load(arguments):
    """bf16, with flash attention where it is installed and the device is a card; the name of what it uses."""
    transformers.logging.set_verbosity_error()
    flash = arguments.device == "cuda" and transformers.utils.is_flash_attn_2_available()
    attention = "flash_attention_2" if flash else "sdpa"
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(arguments.device):
        model = transformers.AutoModelForCausalLM.from_config(config_of(arguments.model), attn_implementation=attention)
    torch.set_default_dtype(torch.float32)
    return model, f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}, {attention}"


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def seconds_of(device, work):
    wait(device)
    watch = Stopwatch()
    work()
    wait(device)
    return watch.seconds()


def peak_megabytes(device):
    """What torch took of the card at most, or None."""
    return torch.cuda.max_memory_reserved() / 1e6 if device == "cuda" else None


def made_up(vocabulary, sequences, tokens):
    """The rows that src/bench/scaling.ts makes."""
    return [[(7919 * (row + 1) + 104729 * i) % vocabulary for i in range(tokens)] for row in range(sequences)]
