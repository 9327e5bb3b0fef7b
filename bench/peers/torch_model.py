"""A Hugging Face folder as a float32 torch model, and the name under which torch peers report."""
import torch
import transformers
from transformers import AutoModelForCausalLM


def load(folder, threads):
    torch.set_num_threads(threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")


def versions():
    return f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}"
