import { expect, test } from "vitest";
import { answering, call } from "./support.ts";

test("a connection is not closed behind an answer that may be long: Node.js 24 breaks down where that meets a slow reader", async () => {
  const asked: (string | undefined)[] = [];
  const server = await answering((request, response) => {
    asked.push(request.headers.connection);
    response.end("export {};\n");
  });
  try {
    const { out } = await call(["types", "--url", server.url], { env: { GUANXI_KEY: "gx_demo_key" } });
    expect(out).toBe("export {};\n");
    expect(asked).toEqual(["keep-alive"]);
  } finally {
    await server.close();
  }
});
