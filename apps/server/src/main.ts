#!/usr/bin/env node
import { runtime } from "#runtime"
import { start } from "./start.ts"

await start(runtime)
