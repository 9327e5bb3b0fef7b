"""Peer on a card: transformers' generate, greedy, --sequences prompts of --prompt made-up tokens, --new forced tokens; the time is of all but the first."""
import torch
from card_model import arguments_of, load, made_up, seconds_of
from measurement import report


def main():
    arguments = arguments_of(__doc__)
    model, name = load(arguments)
    model.eval()
    tokens = torch.tensor(made_up(model.config.vocab_size, arguments.sequences, arguments.prompt), device=arguments.device)
    mask = torch.ones_like(tokens)

    def generate(new):
        with torch.inference_mode():
            model.generate(input_ids=tokens, attention_mask=mask, do_sample=False, min_new_tokens=new, max_new_tokens=new, pad_token_id=0)

    generate(2)
    first = seconds_of(arguments.device, lambda: generate(1))
    seconds = seconds_of(arguments.device, lambda: generate(arguments.new)) - first
    count = "1 sequence" if arguments.sequences == 1 else f"{arguments.sequences} sequences"
    made = arguments.sequences * (arguments.new - 1)
    details = dict(prompt=arguments.prompt, new=arguments.new, seconds=round(seconds, 4))
    report(name, f"{arguments.shape}, decoding {count}", "tokens/s", round(made / seconds, 2), **details)


main()
