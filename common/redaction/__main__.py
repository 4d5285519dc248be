from common.redaction.command import main

main()
