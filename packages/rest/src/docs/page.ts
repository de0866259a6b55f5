import { type Locale, render, type Text, text } from "@guanxi/base";

const words = {
  title: text("API reference", "API 参考", "API 參考"),
  key: text("API key", "API 密钥", "API 金鑰"),
  show: text("Show the API", "显示 API", "顯示 API"),
  forget: text("Forget the key", "清除密钥", "清除金鑰"),
  about: text(
    "What you see here is what the holder of the key may do. The key stays in this tab and goes nowhere but to this server.",
    "此处显示密钥持有者可执行的操作。密钥仅保存在此标签页中，只会发送到本服务器。",
    "此處顯示金鑰持有者可執行的操作。金鑰僅保存在此分頁中，只會傳送到本伺服器。",
  ),
  demo: text(
    "The demo's keys are in the file demo-keys.json of the data folder; npm start prints where it is.",
    "演示用的密钥在数据目录的 demo-keys.json 中；npm start 会显示其位置。",
    "示範用的金鑰在資料目錄的 demo-keys.json 中；npm start 會顯示其位置。",
  ),
  loading: text("Loading …", "正在加载……", "正在載入……"),
  unreachable: text("The server does not answer.", "服务器没有响应。", "伺服器沒有回應。"),
  script: text("This page needs JavaScript.", "此页面需要 JavaScript。", "此頁面需要 JavaScript。"),
} as const satisfies Record<string, Text>;

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (plain: string): string => plain.replace(/[&<>"]/g, (character) => entities[character] ?? character);

/** The reference page in the reader's language. `assets` is the folder of its files; `demo`, whether it tells of the demo's keys. */
export function referencePage(locale: Locale, assets: string, demo: boolean): string {
  const say = (word: keyof typeof words): string => escape(render(words[word], locale));
  return `<!doctype html>
<html lang="${locale}">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Guanxi 关系 · ${say("title")}</title>
    <link rel="icon" type="image/png" href="${assets}/favicon-32x32.png" />
    <link rel="stylesheet" href="${assets}/swagger-ui.css" />
    <link rel="stylesheet" href="${assets}/page.css" />
    <script src="${assets}/swagger-ui-bundle.js" defer></script>
    <script src="${assets}/page.js" defer></script>
  </head>
  <body>
    <header>
      <h1>Guanxi 关系 <small>${say("title")}</small></h1>
      <form id="door">
        <label>${say("key")} <input id="key" type="password" autocomplete="off" spellcheck="false" required placeholder="gx_…" /></label>
        <button>${say("show")}</button>
        <button id="forget" type="button" hidden>${say("forget")}</button>
      </form>
      <p id="message" role="status" data-loading="${say("loading")}" data-unreachable="${say("unreachable")}"></p>
    </header>
    <main>
      <div id="hints">
        <p>${say("about")}</p>${demo ? `\n        <p>${say("demo")}</p>` : ""}
        <noscript><p>${say("script")}</p></noscript>
      </div>
      <div id="reference"></div>
    </main>
  </body>
</html>
`;
}
