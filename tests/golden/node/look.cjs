// Reads one JSON value a line and answers each with one: {html} with what html-validate finds, {mail} (base64) with what mailparser reads.
const readline = require("node:readline");
const { simpleParser } = require("mailparser");
const { HtmlValidate } = require("html-validate");

const validator = new HtmlValidate({
  root: true,
  extends: ["html-validate:recommended", "html-validate:document"],
  rules: {
    "no-inline-style": "off", // Gmail and Outlook drop <style>
    "no-deprecated-attr": "off", // Outlook reads width, align, cellpadding
    "prefer-native-element": "off", // Gmail drops <article>, and with it what its attributes say
    "long-title": "off", // the title is the subject
    "doctype-style": "off",
  },
});

async function answer({ html, mail }) {
  if (html !== undefined) {
    const report = await validator.validateString(html);
    return report.results.flatMap((result) => result.messages).map((found) => `${found.line}: ${found.ruleId}: ${found.message}`);
  }
  const read = await simpleParser(Buffer.from(mail, "base64"));
  return { subject: read.subject ?? "", from: read.from?.value ?? [], to: read.to?.value ?? [], text: read.text ?? "", html: read.html || "" };
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line))));
  }
})();
