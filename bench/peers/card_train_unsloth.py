"""Peer on a card: LoRA training by Unsloth, the same work as card_train_peft.py. Its loader wants weights in a folder, so made-up ones are written first."""
import tempfile

import unsloth  # before transformers: it changes it
import torch
import transformers
from card_model import arguments_of, config_of, peak_megabytes, seconds_of
from measurement import read_rows, report


def main():
    arguments = arguments_of(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        torch.set_default_dtype(torch.bfloat16)
        transformers.LlamaForCausalLM(config_of(arguments.model)).save_pretrained(folder)
        torch.set_default_dtype(torch.float32)
        model, _ = unsloth.FastLanguageModel.from_pretrained(folder, max_seq_length=arguments.tokens, dtype=torch.bfloat16, load_in_4bit=False)
    model = unsloth.FastLanguageModel.get_peft_model(model, r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["q_proj", "v_proj"])
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.0)
    rows = read_rows(arguments.rows)
    batches = [rows[start : start + arguments.sequences] for start in range(0, len(rows), arguments.sequences)]

    def step(batch):
        tokens, labels = (torch.tensor([row[key] for row in batch], device="cuda") for key in ("tokens", "labels"))
        model(input_ids=tokens, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    step(batches[0])
    seconds = seconds_of("cuda", lambda: [step(batch) for batch in batches])
    tokens = sum(len(row["tokens"]) for row in rows)
    metric = f"{arguments.shape}, training {arguments.sequences} x {arguments.tokens}"
    report(f"unsloth {unsloth.__version__}", metric, "tokens/s", round(tokens / seconds, 2), tokens=tokens, seconds=round(seconds, 3))
    report(f"unsloth {unsloth.__version__}", f"{metric}, device memory", "MB", round(peak_megabytes("cuda"), 1))


main()
