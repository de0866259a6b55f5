import { text } from "@guanxi/base";
import type { Route } from "@guanxi/kernel";

export const meTag: Route["tag"] = { name: "me", description: text("The caller", "当前用户", "目前使用者") };

export const metaTag: Route["tag"] = {
  name: "meta",
  description: text(
    "Definitions of objects, and what is made of them",
    "对象定义及由其生成的描述",
    "物件定義及由其產生的描述",
  ),
};

export const keysTag: Route["tag"] = { name: "keys", description: text("API keys", "API 密钥", "API 金鑰") };
