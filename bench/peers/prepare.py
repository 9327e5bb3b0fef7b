"""Turns a GGUF file into what the peers read: python prepare.py MODEL.gguf FOLDER

FOLDER/hub is a Hugging Face folder with the same weights in f32; FOLDER/{F32,F16,Q8_0,Q4_0}.gguf are llama.cpp's own conversions
(from the file's values, so Q4_0 of a Q4_1 file is rounded twice: it is there for its speed). What exists is kept.
"""
import os
import shutil
import sys

from measurement import say

FORMATS = ("F32", "F16", "Q8_0", "Q4_0")


def main():
    source, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    hub = os.path.join(folder, "hub")
    if not os.path.exists(hub):
        say(f"writing {hub}")
        write_hub_folder(source, hub + ".part")
        os.rename(hub + ".part", hub)
    for name in FORMATS:
        path = os.path.join(folder, f"{name}.gguf")
        if not os.path.exists(path):
            say(f"writing {path}")
            convert(source, path + ".part", name)
            os.rename(path + ".part", path)


def write_hub_folder(source, out):
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM

    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    model = AutoModelForCausalLM.from_pretrained(os.path.dirname(os.path.abspath(source)), gguf_file=os.path.basename(source), dtype=torch.float32)
    # The weights are plain floats now; left in, this key would send the next reader looking for the GGUF file.
    del model.config.quantization_config
    model.config.save_pretrained(out)
    weights = {name: parameter.detach().contiguous() for name, parameter in model.named_parameters()}  # tied ones once
    save_file(weights, os.path.join(out, "model.safetensors"), metadata=dict(format="pt"))


def convert(source, out, name):
    import llama_cpp

    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = dict(
        F32=llama_cpp.LLAMA_FTYPE_ALL_F32,
        F16=llama_cpp.LLAMA_FTYPE_MOSTLY_F16,
        Q8_0=llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
        Q4_0=llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
    )[name]
    parameters.allow_requantize = True
    if llama_cpp.llama_model_quantize(source.encode(), out.encode(), parameters) != 0:
        raise SystemExit(f"llama.cpp could not convert {source} to {name}")


main()
