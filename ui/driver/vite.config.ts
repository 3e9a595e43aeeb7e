import { app } from "../app.ts";

export default app({ folder: "driver", base: "/app/", port: 5174 });
