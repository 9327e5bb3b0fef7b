"""Peer on a card: vLLM with made-up weights, greedy, --sequences prompts of --prompt made-up tokens, --new forced tokens; the time is of all but the first."""
import os
import shutil
import tempfile

import vllm
from card_model import arguments_of, config_of, made_up, seconds_of
from measurement import report


def main():
    arguments = arguments_of(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(arguments.model, os.path.join(folder, "config.json"))
        longest = arguments.prompt + arguments.new + 1
        model = vllm.LLM(model=folder, load_format="dummy", skip_tokenizer_init=True, dtype="bfloat16", max_model_len=longest, max_num_seqs=arguments.sequences)
    prompts = [{"prompt_token_ids": tokens} for tokens in made_up(config_of(arguments.model).vocab_size, arguments.sequences, arguments.prompt)]

    def generate(new):
        settings = vllm.SamplingParams(temperature=0.0, min_tokens=new, max_tokens=new, ignore_eos=True, detokenize=False)
        model.generate(prompts, settings, use_tqdm=False)

    generate(2)
    first = seconds_of("cuda", lambda: generate(1))
    seconds = seconds_of("cuda", lambda: generate(arguments.new)) - first
    count = "1 sequence" if arguments.sequences == 1 else f"{arguments.sequences} sequences"
    made = arguments.sequences * (arguments.new - 1)
    report(f"vllm {vllm.__version__}", f"{arguments.shape}, decoding {count}", "tokens/s", round(made / seconds, 2), prompt=arguments.prompt, new=arguments.new)


main()
