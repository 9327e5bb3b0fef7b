import { describe, expect, it } from "vitest";
import {
  chooseTemplates,
  codeTemplates,
  instructionTemplates,
  jailbreakTemplates,
  mathTemplates,
} from "../../src/templates/choose.js";
import { parseDistillTemplate } from "../../src/templates/distill-file.js";

const llama2 = "{% if system %}<<SYS>>{% endif %}[INST]";
const llama3 = "<|start_header_id|>";
const chatml = "<|im_start|>";

type Wish = Partial<Parameters<typeof chooseTemplates>[0]>;
function names(wish: Wish): string[] {
  const { train, infer, distill } = chooseTemplates({
    sets: instructionTemplates,
    template: null,
    distill: "using",
    chatTemplate: null,
    ...wish,
  });
  return [train.name, infer.name, distill.name];
}

describe("chooseTemplates", () => {
  it("lets the model's own chat template decide", () => {
    expect(names({ chatTemplate: llama2 })).toEqual(["alpaca", "alpaca", "alpaca_distill_using"]);
    expect(names({})).toEqual(["alpaca", "alpaca", "alpaca_distill_using"]);
    expect(names({ chatTemplate: chatml, distill: "refer" })).toEqual(["chat", "chat", "chat_distill_refer"]);
    expect(names({ chatTemplate: llama3, sets: mathTemplates })).toEqual([
      "llama3_gsm8k",
      "llama3_gsm8k_infer",
      "llama3_gsm8k_distill",
    ]);
  });

  it("gives programs a template of their own at evaluation", () => {
    expect(names({ sets: codeTemplates })[1]).toBe("humaneval");
    expect(names({ sets: codeTemplates, chatTemplate: chatml })).toEqual([
      "chat",
      "chat_humaneval",
      "chat_distill_using",
    ]);
  });

  it("reads alpaca and chat as families", () => {
    expect(names({ sets: jailbreakTemplates, template: "alpaca", chatTemplate: chatml })[1]).toBe("alpaca_gcg");
    expect(names({ sets: mathTemplates, template: "alpaca", chatTemplate: chatml })[0]).toBe("gsm8k");
    expect(names({ sets: jailbreakTemplates, template: "chat", chatTemplate: llama2 })[1]).toBe("chat_gcg");
  });

  it("takes any other name as it stands", () => {
    expect(names({ template: "gsm8k" })).toEqual(["gsm8k", "gsm8k_infer", "gsm8k_distill"]);
    expect(names({ template: "chat_gcg" })).toEqual(["chat_gcg", "chat_gcg", "chat_distill_using"]);
    expect(() => names({ template: "nothing" })).toThrow(/Expected the name of a template/);
  });

  it("takes a distillation template from a file", () => {
    const distill = parseDistillTemplate("Q: {instruction}\nA: {response}\nYours:\n", "mine.txt", "chat");
    expect(names({ distill, chatTemplate: chatml })).toEqual(["chat", "chat", "mine.txt"]);
    expect(distill).toMatchObject({ system: "", user: "Q: {instruction}\nA: {response}\nYours:", style: "chat" });
    expect(() => parseDistillTemplate("Q: {instruction}", "mine.txt", "chat")).toThrow(/\{response\}.*mine\.txt/);
  });
});
