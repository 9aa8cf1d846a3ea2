// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM
import Testing

@Suite struct JSONTests {
    private func fault(_ text: String) -> String? {
        do throws(JSONFault) {
            _ = try JSONValue(parsing: Array(text.utf8))
            return nil
        } catch {
            return error.description
        }
    }

    @Test("a text keeps its values, and the order of its keys")
    func roundTrip() throws {
        let text = #"{"z":1,"a":[true,false,null,-9223372036854775808,1.5],"":{},"t":"é\"\\\n\u0001/"}"#
        #expect(try JSONValue(parsing: Array(text.utf8)).text == text)
    }

    @Test(
        "what is no JSON, or ambiguous, is refused",
        arguments: [
            "", " ", "{", "{}x", "{} {}", "[1,]", "{\"a\":1,}", "{'a':1}", "{a:1}", "nul", "1", "\"a\"", "[01]", "[+1]",
            "[NaN]", "[1e999]", "[9223372036854775808]", "[\"\n\"]", "[\"\\u0000\"]", "[\"\\ud800\"]", "// x\n{}",
            "{\"a\":1,\"a\":1}", "{\"a\":{\"b\":1,\"b\":2}}", "{\"a\":1,\"\\u0061\":1}",
        ])
    func refused(text: String) { #expect(fault(text) != nil) }

    @Test("bytes that are no UTF-8 are refused")
    func notUTF8() {
        #expect(throws: JSONFault.self) { try JSONValue(parsing: Array("[\"".utf8) + [0xFF] + Array("\"]".utf8)) }
        #expect(throws: JSONFault.self) {
            try JSONValue(parsing: Array("[\"".utf8) + [0xC0, 0x80] + Array("\"]".utf8))
        }
    }

    @Test("nesting has a bound, and brackets in text do not count")
    func depth() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(fault(nested(64)) == nil)
        #expect(fault(nested(65)) == "recursion limit exceeded")
        #expect(fault(nested(50_000)) == "recursion limit exceeded")
        #expect(fault("[\"\\\"" + String(repeating: "[", count: 100) + "\"]") == nil)
    }

    @Test("a fault tells the place")
    func place() {
        #expect(fault(#"{"a":1,"a":2}"#)?.hasSuffix("at line 1 column 10") == true)
        #expect(fault("") == "EOF while parsing a value")
    }

    @Test("fields of a record are told apart by name and type")
    func fields() {
        func fault(_ text: String) -> String? {
            do throws(JSONFault) {
                _ = try BootSource(JSONValue(parsing: Array(text.utf8)), name: "BootSourceConfig")
                return nil
            } catch {
                return error.description
            }
        }
        #expect(fault(#"{"kernel_image_path":"k","initrd_path":null,"boot_args":"a"}"#) == nil)
        #expect(fault("{}") == "missing field `kernel_image_path`")
        #expect(fault(#"{"kernel_image_path":null}"#) == "missing field `kernel_image_path`")
        #expect(
            fault(#"{"kernel_image_path":1}"#)
                == "invalid type: integer `1`, expected a string in `kernel_image_path`")
        #expect(
            fault(#"{"kernel_image_path":"k","Initrd_path":"x"}"#)
                == "unknown field `Initrd_path`, expected one of `kernel_image_path`, `initrd_path`, `boot_args`")
        #expect(fault("[]") == "invalid type: sequence, expected struct BootSourceConfig in `BootSourceConfig`")
    }
}
